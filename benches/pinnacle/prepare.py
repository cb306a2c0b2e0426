"""prepare.py BENCHMARK OUT: writes what the jobs of examples/pinnacle read as OUT/NAME.csv. BENCHMARK is a checkout of
github.com/i207M/PINNacle; where its ref/ lacks a file, or has it as a pointer of Git LFS, a reference of ours is
computed (some minutes in all) and said so. NumPy alone."""
import re
import sys
from pathlib import Path

import numpy as np

import box_solvers
import channel
import cut_cells
import spectral


def theirs(name):
    """The numbers of ref/NAME and the times in its header, or None."""
    path = BENCHMARK / "ref" / name
    if not path.exists() or path.read_bytes()[:20].startswith(b"version https"):
        return None
    header = [line for line in path.open(errors="replace") if line.startswith("%")]
    times = re.findall(r"t=([\d.eE+-]+)", header[-1]) if header else []
    return np.loadtxt(path, comments="%"), [float(t) for t in times]


def over_time(table, times, outputs=1):
    """Rows of coordinates, time and outputs of a table with columns for each time."""
    places = table.shape[1] - len(times) * outputs
    grid, values = table[:, :places], table[:, places:].reshape(-1, outputs)
    return np.column_stack([np.repeat(grid, len(times), 0), np.tile(times, len(grid)), values])


def write(name, columns, rows, what):
    rows = rows[np.isfinite(rows).all(1)]
    np.savetxt(OUT / f"{name}.csv", rows, delimiter=",", header=",".join(columns), comments="", fmt="%.12g")
    (OUT / f"{name}.source").write_text(what + "\n")
    print(f"{name}: {len(rows)} points, {what}", flush=True)


def reference(name, file, columns, ours, outputs=1):
    """A task's truth: the benchmark's `file`, else what `ours` computes."""
    found = theirs(file)
    if found is None:
        write(name, columns, ours(), "ours: the benchmark's file is not here")
        return
    table, times = found
    write(name, columns, over_time(table, times[::outputs], outputs) if times else table, f"the benchmark's ref/{file}")


def cole_hopf(x, t):
    """Burgers' equation with nu = 0.01/pi from -sin(pi x), by 200 points of Gauss and Hermite."""
    nu = 0.01 / np.pi
    nodes, weights = np.polynomial.hermite.hermgauss(200)
    at = x[:, None] - np.sqrt(4 * nu * t)[:, None] * nodes
    power = -np.cos(np.pi * at) / (2 * np.pi * nu)
    share = weights * np.exp(power - power.max(1, keepdims=True))
    return -(share * np.sin(np.pi * at)).sum(1) / share.sum(1)


def exact():
    """Tasks whose solution is a formula, at points drawn as the benchmark draws its own."""
    rng = np.random.default_rng(0)
    inner = np.linspace(0, 1, 52)[1:-1]
    x, y = (axis.ravel() for axis in np.meshgrid(inner, inner))
    wave = np.sin(np.pi * x) * np.cos(2 * np.pi * y) + np.sin(4 * np.pi * x) * np.cos(8 * np.pi * y) / 2
    write("wave_1d_c", "xtu", np.c_[x, y, wave], "exact")
    a = 1 / (1 + x**2 + y**2 + (x - 1) ** 2 + (y - 1) ** 2)
    write("poisson_inv", "xyua", np.c_[x, y, np.sin(np.pi * x) * np.sin(np.pi * y), a], "exact")

    x = rng.random((20000, 5))
    names = [f"x{i}" for i in range(1, 6)]
    write("poisson_nd", names + ["u"], np.c_[x, np.sin(np.pi / 2 * x).sum(1)], "exact")
    x = rng.normal(size=(20000, 5))
    x *= rng.random((20000, 1)) ** 0.2 / np.linalg.norm(x, axis=1, keepdims=True)
    t = rng.random(20000)
    write("heat_nd", names + ["t", "u"], np.c_[x, t, np.exp((x**2).sum(1) / 2 + t)], "exact")

    x, y, t = rng.random((3, 20000))
    tones = np.sin(20 * np.pi * x) * np.sin(np.pi * y)
    write("heat_2d_ms", "xytu", np.c_[x, y, 5 * t, tones * np.exp(-(0.04**2 + 1) * 5 * t)], "exact")
    waves = np.sin(np.pi * x) * np.sinh(np.pi * y) + np.sinh(3 * np.pi * x) * np.sin(2 * np.pi * y)
    write("wave_2d_ms", "xytu", np.c_[x, y, 100 * t, waves * np.cos(100 * np.pi * t)], "exact, of another sign than the equation")
    x, y = 2 * x - 1, 2 * y - 1
    bump = np.sin(np.pi * x) * np.sin(np.pi * y)
    write("heat_inv", "xytua", np.c_[x, y, t, np.exp(-t) * bump, 2 + bump], "exact")

    x, t = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 101), np.linspace(0, 1, 11), indexing="ij"))
    write("burgers_1d_c", "xtu", np.c_[x, t, cole_hopf(x, t)], "exact (Cole and Hopf); the benchmark's own is 1.33e-2 from it")


def measured():
    """The noisy values of the inverse tasks, with the benchmark's noise of 0.1."""
    rng = np.random.default_rng(0)
    grid = np.linspace(0, 1, 50)
    x, y = (axis.ravel() for axis in np.meshgrid(grid, grid))
    columns = ["x", "y", "u_measured"]
    write("poisson_inv_measured", columns, np.c_[x, y, np.sin(np.pi * x) * np.sin(np.pi * y) + rng.normal(0, 0.1, 2500)], "measurements")
    found = theirs("heatinv_points.dat")
    points = found[0] if found else rng.random((2500, 3)) * [2, 2, 1] - [1, 1, 0]
    x, y, t = points.T
    values = np.exp(-t) * np.sin(np.pi * x) * np.sin(np.pi * y) + rng.normal(0, 0.1, len(t))
    write("heat_inv_measured", ["x", "y", "t", "u_measured"], np.c_[points, values], "measurements")


def starts():
    """Where each window in time starts: points and the values of the first start, which run.py replaces by the last
    window's end."""
    spread = (0.5 + np.arange(1536)[:, None] * [0.7548776662, 0.5698402910]) % 1     # even, by plastic numbers
    x, y = spread[:1024].T
    start = np.sin(4 * np.pi * x) * np.sin(3 * np.pi * y)
    write("heat_2d_lt_start", ["x", "y", "t", "u_start"], np.c_[x, y, 0 * x, start], "the benchmark's start")
    x, y = np.concatenate([0.8 * (spread[:512] - 0.5), 0.5 * (spread[512:] - 0.5)]).T
    starts = [1 - np.exp(-80 * ((x + 0.05) ** 2 + (y + 0.02) ** 2)), np.exp(-80 * ((x - 0.05) ** 2 + (y - 0.02) ** 2))]
    write("gray_scott_start", ["x", "y", "t", "u_start", "v_start"], np.c_[x, y, 0 * x, starts[0], starts[1]], "the benchmark's start")
    x, y = 2 * spread[:1024].T - 1
    start = np.exp(-((x + 0.5) ** 2 + y**2) / (2 * 0.3**2))
    write("wave_2d_cg_start", ["x", "y", "t", "u_start", "du_dt_start"], np.c_[x, y, 0 * x, start, 0 * x], "the benchmark's start")
    x, y = spread.T
    u, v = spectral.burgers_start(x, y)
    write("burgers_2d_c_start", ["x", "y", "t", "u_start", "v_start"], np.c_[x, y, 0 * x, u, v], "from the benchmark's generator and seed")
    x = 2 * np.pi * np.arange(256) / 256
    write("ks_start", ["x", "t", "u_start"], np.c_[x, 0 * x, np.cos(x) * (1 + np.sin(x))], "the benchmark's start")


def coefficient(kind, file):
    """A random field on 256 by 256 nodes of the unit square, as rows x, y, k and as [y, x]."""
    found = theirs(file)
    nodes = found[0][:, 2].reshape(256, 256) if found else box_solvers.field_256(kind)
    x, y = np.meshgrid(np.linspace(0, 1, 256), np.linspace(0, 1, 256))
    return nodes, np.c_[x.ravel(), y.ravel(), nodes.ravel()], "the benchmark's" if found else "from the benchmark's generator and seed"


def main():
    exact()
    measured()
    starts()
    reference("poisson_2d_c", "poisson1_cg_data.dat", "xyu", None)
    reference("poisson_2d_cg", "poisson_boltzmann2d.dat", "xyu", None)
    reference("ns_2d_c", "lid_driven_a4.dat", "xyuvp", None)
    reference("ns_2d_cg", "ns_0_obstacle.dat", "xyuvp", None)
    reference("heat_2d_lt", "heat_longtime.dat", "xytu", box_solvers.heat_2d_lt)
    reference("poisson_3d_cg", "poisson_3d.dat", "xyzu", cut_cells.poisson_3d_cg)
    reference("heat_2d_cg", "heat_complex.dat", "xytu", cut_cells.heat_2d_cg)
    reference("ns_2d_lt", "ns_long.dat", "xytuvp", channel.ns_2d_lt, 3)
    reference("ks", "Kuramoto_Sivashinsky.dat", "xtu", spectral.kuramoto_sivashinsky)
    reference("gray_scott", "grayscott.dat", "xytuv", spectral.gray_scott)
    reference("burgers_2d_c", "burgers2d_0.dat", "xytuv", spectral.burgers_2d, 2)

    a, f = theirs("poisson_a_coef.dat")[0], theirs("poisson_f_coef.dat")[0].reshape(5, 5, 2, 2)
    reference("poisson_2d_ms", "poisson_manyarea.dat", "xyu", lambda: box_solvers.poisson_2d_ms(a, f))
    blocks = [-8 + 4 * np.arange(5)] * 2
    x, y = (axis.ravel() for axis in np.meshgrid(*blocks, indexing="ij"))
    write("poisson_2d_ms_blocks", ["x", "y", "a", "f0", "f1"], np.c_[x, y, a.ravel(), f[..., 0, 0].ravel(), f[..., 1, 1].ravel()], "the benchmark's")

    nodes, rows, source = coefficient("heat", "heat_2d_coef_256.dat")
    write("heat_2d_vc_k", "xyk", rows, source)
    if source == "the benchmark's":          # its truth belongs to its coefficient
        reference("heat_2d_vc", "heat_darcy.dat", "xytu", None)
    else:
        write("heat_2d_vc", "xytu", box_solvers.heat_2d_vc(nodes), "ours: the benchmark's coefficient is not here")
    _, rows, source = coefficient("darcy", "darcy_2d_coef_256.dat")
    write("wave_2d_cg_c", "xyc", rows * [2, 2, 1] - [1, 1, 0], source)
    reference("wave_2d_cg", "wave_darcy.dat", "xytu", box_solvers.wave_2d_cg)


if __name__ == "__main__":
    BENCHMARK, OUT = Path(sys.argv[1]), Path(sys.argv[2])
    OUT.mkdir(parents=True, exist_ok=True)
    main()
