"""References of ours on boxes: finite differences on staggered or centred grids, second order. NumPy alone."""
import numpy as np

from cut_cells import Grid


def field_256(kind):
    """The benchmark's coefficient at 256 by 256 nodes of the unit square, [y, x], as its generator makes it from its seed:
    "darcy" (1 or 12) or "heat" (the exponential of a Gaussian field)."""
    rng = np.random.RandomState(20220722)
    k = np.fft.fftshift(np.mgrid[:256, :256] - 128, axes=(0, 1, 2))
    spectrum = (k[0] ** 2 + k[1] ** 2 + 1e-10) ** -1.0
    spectrum[0, 0] = 0
    noise = rng.normal(size=(256, 256)) + 1j * rng.normal(size=(256, 256))
    field = np.fft.ifft2(noise * spectrum).real
    field = (field - field.mean()) / field.std()
    return np.where(field > 0, 12.0, 1.0) if kind == "darcy" else np.exp(field)


def bilinear(nodes, x, y):
    """The field of nodes on the unit square, [y, x], at points x and y of it."""
    n = len(nodes) - 1
    i, j = (np.minimum((c * n).astype(int), n - 1) for c in (x, y))
    a, b = x * n - i, y * n - j
    return (1 - b) * ((1 - a) * nodes[j, i] + a * nodes[j, i + 1]) + b * ((1 - a) * nodes[j + 1, i] + a * nodes[j + 1, i + 1])


def wave_2d_cg(n=400, frames=50, thin=8):
    """Wave 2d-CG: columns x, y, t, u. Leapfrog; the sides reflect."""
    x = -1 + 2 * (np.arange(n) + 0.5) / n
    xx, yy = np.meshgrid(x, x, indexing="ij")
    speed = bilinear(field_256("darcy"), (xx + 1) / 2, (yy + 1) / 2) * (n / 2) ** 2
    steps = frames * int(np.ceil(5 / frames / (0.6 / np.sqrt(speed.max() * 2))))
    step = 5 / steps

    def pull(u):
        wide = np.pad(u, 1, mode="edge")
        return speed * (wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2] - 4 * u)

    u = np.exp(-((xx + 0.5) ** 2 + yy**2) / (2 * 0.3**2))
    before = u + step**2 / 2 * pull(u)       # at rest
    at = (slice(thin // 2, None, thin),) * 2
    rows = [np.c_[xx[at].ravel(), yy[at].ravel(), np.zeros(xx[at].size), u[at].ravel()]]
    for i in range(1, steps + 1):
        u, before = 2 * u - before + step**2 * pull(u), u
        if i % (steps // frames) == 0:
            rows.append(np.c_[xx[at].ravel(), yy[at].ravel(), np.full(xx[at].size, 5 * i / steps), u[at].ravel()])
    return np.concatenate(rows)


def heat_2d_vc(k, n=128, step=0.02, frames=50, thin=4):
    """Heat 2d-VC for a coefficient of 256 by 256 nodes, [y, x], read at the nearest: columns x, y, t, u. BDF2 in time."""
    grid = Grid((0, 0), (1, 1), (n, n), [])
    x, y = np.meshgrid(*grid.axes, indexing="ij")
    held = grid.side * (1 + grid.h[0] / 2) * 2 / grid.h[0]       # u = 0 on the sides, half a cell away
    at = np.rint(255 * grid.axes[0]).astype(int)
    share = grid.volume / k.T[np.ix_(at, at)]                    # u_t/k - Δu = f/k is symmetric
    source = 200 * np.sin(np.pi * x) * np.sin(5 * np.pi * y)
    u = before = np.zeros((n, n))
    rows, steps = [grid.rows(u, thin, 0)], round(5 / step)
    for i in range(1, steps + 1):
        now = np.sin(np.pi * i * step) * source
        u, before = grid.solve(1.5 / step * share + held, share * ((2 * u - before / 2) / step + now), 2 * u - before, 1e-7), u
        if i % (steps // frames) == 0:
            rows.append(grid.rows(u, thin, i * step))
    return np.concatenate(rows)


def poisson_2d_ms(a, f, n=400, thin=4):
    """Poisson 2d-MS, a Δu + f = 0 with du/dn = -u: columns x, y, u. `a` 5 by 5 and `f` 5 by 5 by 2 by 2 are the
    benchmark's files, first index along x."""
    grid = Grid((-10, -10), (10, 10), (n, n), [])
    block, place = np.divmod((grid.axes[0] + 10) / 4, 1)
    block = block.astype(int)
    i = np.ix_(block, block)
    wave = np.sin(np.pi * place)
    source = f[..., 0, 0][i] + f[..., 1, 1][i] * np.outer(wave, wave)
    return grid.rows(grid.solve(grid.side, grid.volume * source / a[i], np.zeros((n, n))), thin)


def heat_2d_lt(n=96, step=0.005, x=None, y=None, every=0.2):
    """Heat 2d-LT at the points x, y: columns x, y, t, u, every 0.2. Runge and Kutta's classical method."""
    s = np.arange(1, n) / n
    growth = 5 * np.outer(np.sin(4 * np.pi * s), np.sin(2 * np.pi * s))

    def rate(u, t):
        wide = np.pad(u, 1)
        near = wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2]
        return 0.001 * n * n * (near - 4 * u) + growth * (1 + 2 * np.sin(np.pi * t / 4)) * np.sin(u * u)

    def row(u, t):
        return np.c_[x, y, np.full(x.size, t), bilinear(np.pad(u, 1).T, x, y)]

    u = np.outer(np.sin(4 * np.pi * s), np.sin(3 * np.pi * s))
    rows, steps = [row(u, 0)], round(100 / step)
    for i in range(steps):
        t = i * step
        k1 = rate(u, t)
        k2 = rate(u + step / 2 * k1, t + step / 2)
        k3 = rate(u + step / 2 * k2, t + step / 2)
        u = u + step / 6 * (k1 + 2 * k2 + 2 * k3 + rate(u + step * k3, t + step))
        if (i + 1) % round(every / step) == 0:
            rows.append(row(u, (i + 1) * step))
    return np.concatenate(rows)
