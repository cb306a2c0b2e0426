"""References of ours for the tasks whose files the benchmark keeps in Git LFS or whose solution is periodic: Fourier
methods with Runge-Kutta steps of fourth order that take the stiff linear part exactly (ETDRK4)."""
import numpy as np


def etdrk4(linear, nonlinear, v, step, steps, every):
    """Yields v, Fourier coefficients, before the first and after each `every` of `steps` steps of v' = linear v +
    nonlinear(v), after Kassam and Trefethen (2005)."""
    half, whole = np.exp(step / 2 * linear), np.exp(step * linear)
    points = np.exp(1j * np.pi * (np.arange(16) + 0.5) / 16)
    q, f1, f2, f3 = (np.zeros(linear.shape) for _ in range(4))
    for point in points:                     # means over a circle, which cancellation does not reach
        z = step * linear + point
        q += step * ((np.exp(z / 2) - 1) / z).real / 16
        f1 += step * ((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3).real / 16
        f2 += step * ((2 + z + np.exp(z) * (z - 2)) / z**3).real / 16
        f3 += step * ((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3).real / 16
    yield v
    for i in range(1, steps + 1):
        nv = nonlinear(v)
        a = half * v + q * nv
        na = nonlinear(a)
        b = half * v + q * na
        nb = nonlinear(b)
        c = half * a + q * (2 * nb - nv)
        v = whole * v + f1 * nv + 2 * f2 * (na + nb) + f3 * nonlinear(c)
        if i % every == 0:
            yield v


def kuramoto_sivashinsky(n=512, steps=10000, frames=100):
    """Chaotic KS: columns x, t, u on 128 by 101 nodes."""
    x = 2 * np.pi * np.arange(n) / n
    k = np.arange(n // 2 + 1)
    linear = 100 / 16**2 * k**2 - 100 / 16**4 * k**4
    kept = k < n / 3                         # no aliases of the square

    def nonlinear(v):
        return -100 / 32 * 1j * k * np.fft.rfft(np.fft.irfft(v * kept, n) ** 2) * kept

    v = np.fft.rfft(np.cos(x) * (1 + np.sin(x)))
    thin = n // 128
    rows = [
        np.c_[x[::thin], np.full(128, i / frames), np.fft.irfft(v, n)[::thin]]
        for i, v in enumerate(etdrk4(linear, nonlinear, v, 1 / steps, steps, steps // frames))
    ]
    return np.concatenate(rows)


def gray_scott(n=256, step=0.5, frames=20):
    """Chaotic GS: columns x, y, t, u, v on 64 by 64 nodes, every 10 units of time. Periodic, as the solution is 1 and 0
    near the sides until its end."""
    x = -1 + 2 * np.arange(n) / n
    xx, yy = np.meshgrid(x, x, indexing="ij")
    k = np.pi * np.fft.fftfreq(n, 1 / n)[:, None]
    l = np.pi * np.arange(n // 2 + 1)[None]
    linear = np.array([-1e-5 * (k**2 + l**2) - 0.04, -5e-6 * (k**2 + l**2) - 0.1])

    def nonlinear(w):
        u, v = np.fft.irfft2(w, (n, n))
        uvv = np.fft.rfft2(u * v**2)
        feed = np.zeros_like(uvv)
        feed[0, 0] = 0.04 * n * n
        return np.array([feed - uvv, uvv])

    start = np.array([1 - np.exp(-80 * ((xx + 0.05) ** 2 + (yy + 0.02) ** 2)), np.exp(-80 * ((xx - 0.05) ** 2 + (yy - 0.02) ** 2))])
    thin, steps = n // 64, round(200 / step)
    rows = []
    for i, w in enumerate(etdrk4(linear, nonlinear, np.fft.rfft2(start), step, steps, steps // frames)):
        u, v = np.fft.irfft2(w, (n, n))[:, ::thin, ::thin]
        rows.append(np.c_[xx[::thin, ::thin].ravel(), yy[::thin, ::thin].ravel(), np.full(u.size, 200 * i / frames), u.ravel(), v.ravel()])
    return np.concatenate(rows)


def burgers_start(x, y):
    """u and v of Burgers 2d-C at t = 0: 16 waves each, drawn as the benchmark's generator draws them from its seed."""
    rng = np.random.RandomState(20220722)
    drawn = [rng.randn(2, 4, 4) for _ in range(2)]
    shift = rng.randn(2)

    def waves(coefficients, x, y):
        phase = [[2 * np.pi * (i * x + j * y) for j in range(4)] for i in range(4)]
        return sum(
            coefficients[0, i, j] * np.sin(phase[i][j]) + coefficients[1, i, j] * np.cos(phase[i][j])
            for i in range(4) for j in range(4)
        )

    nodes = np.arange(256) / 256
    highest = max(waves(c, nodes[:, None], nodes[None]).max() for c in drawn)
    return np.array([2 * waves(c, x, y) / highest + s for c, s in zip(drawn, shift)])


def burgers_2d(n=256, step=1 / 2500, frames=10, thin=8):
    """Burgers 2d-C on [0, 4]²: columns x, y, t, u, v. The start repeats after 1, so that
    one of 16 equal cells is solved."""
    x = np.arange(n) / n
    yy, xx = np.meshgrid(x, x, indexing="ij")
    start = burgers_start(xx, yy)
    ky, kx = 2 * np.pi * np.fft.fftfreq(n, 1 / n)[:, None], 2 * np.pi * np.arange(n // 2 + 1)[None]
    kept = (abs(ky) < 2 * np.pi * n / 3) & (kx < 2 * np.pi * n / 3)
    linear = np.broadcast_to(-0.001 * (kx**2 + ky**2), (2, n, n // 2 + 1))

    def nonlinear(w):
        w = w * kept
        u, v = np.fft.irfft2(w, (n, n))
        return -np.fft.rfft2(u * np.fft.irfft2(1j * kx * w, (n, n)) + v * np.fft.irfft2(1j * ky * w, (n, n))) * kept

    steps, rows = round(1 / step), []
    at = (slice(None, None, thin),) * 2
    for i, w in enumerate(etdrk4(linear, nonlinear, np.fft.rfft2(start), step, steps, steps // frames)):
        u, v = np.fft.irfft2(w, (n, n))
        for cell in np.ndindex(4, 4):
            rows.append(np.c_[xx[at].ravel() + cell[0], yy[at].ravel() + cell[1], np.full(xx[at].size, i / frames), u[at].ravel(), v[at].ravel()])
    return np.concatenate(rows)
