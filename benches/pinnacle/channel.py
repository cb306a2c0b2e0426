"""A reference of ours for NS 2d-LT: a staggered (MAC) grid, Runge and Kutta's steps of third order, each with an exact
projection. NumPy alone."""
import numpy as np


def modes(n, h, ends):
    """Eigenvalues and vectors of -d²/dx² on n cells of size h; a derivative of 0 at the ends, but for a value of 0 at the
    last one if `ends` is "value"."""
    matrix = (np.diag(np.full(n, 2.0)) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1)) / h**2
    matrix[0, 0] = 1 / h**2
    matrix[-1, -1] = (3 if ends == "value" else 1) / h**2
    return np.linalg.eigh(matrix)


def ns_2d_lt(n=64, step=0.002, frames=50, thin=2):
    """NS 2d-LT, n cells across: columns x, y, t, u, v, p at centres. The outlet lets the flow out freely: p = 0 and no
    change of the velocity along the normal, where the benchmark's equations say p = 0 alone."""
    h, nx, ny = 1 / n, 2 * n, n
    y = (np.arange(ny) + 0.5) * h
    ex, vx = modes(nx, h, "value")
    ey, vy = modes(ny, h, "derivative")
    inverse = 1 / (ex[:, None] + ey[None])
    xv, yv = np.meshgrid((np.arange(nx) + 0.5) * h, np.arange(1, ny) * h, indexing="ij")
    push = -np.sin(np.pi * xv) * np.sin(np.pi * yv)

    def inflow(t):
        return np.sin(np.pi * y) * (np.sin(np.pi * t) + np.sin(3 * np.pi * t) + np.sin(5 * np.pi * t))

    def padded(u, v, t):
        """u on x-faces (nx + 1, ny) and v on y-faces (nx, ny + 1) with a layer of ghosts for the walls and ends."""
        u = u.copy()
        u[0] = inflow(t)
        u = np.pad(u, ((0, 1), (1, 1)))
        u[-1] = u[-3]
        u[:, 0], u[:, -1] = -u[:, 1], -u[:, -2]
        v = np.pad(v, ((1, 1), (0, 0)))
        v[0], v[-1] = -v[1], v[-2]
        return u, v

    def rates(u, v, t):
        wide_u, wide_v = padded(u, v, t)
        uc = (wide_u[1:, 1:-1] + wide_u[:-1, 1:-1]) / 2              # centres, one beyond the outlet
        vc = (wide_v[1:-1, 1:] + wide_v[1:-1, :-1]) / 2
        corner = (wide_u[:-1, 1:] + wide_u[:-1, :-1]) / 2 * (wide_v[1:] + wide_v[:-1]) / 2
        ru = -np.diff(uc**2, axis=0) / h - np.diff(corner, axis=1)[1:] / h
        laplace_u = np.diff(wide_u[:, 1:-1], 2, axis=0) + np.diff(wide_u[1:-1], 2, axis=1)
        rv = -np.diff(corner, axis=0)[:, 1:-1] / h - np.diff(vc**2, axis=1) / h
        laplace_v = np.diff(wide_v[:, 1:-1], 2, axis=0) + np.diff(wide_v[1:-1], 2, axis=1)
        return ru + 0.01 * laplace_u / h**2, rv + 0.01 * laplace_v / h**2 + push * np.sin(np.pi * t)

    def project(u, v, t):
        u[0] = inflow(t)
        divergence = np.diff(u, axis=0) / h + np.diff(v, axis=1) / h
        p = -vx @ (inverse * (vx.T @ divergence @ vy)) @ vy.T
        u[1:-1] -= np.diff(p, axis=0) / h
        u[-1] += 2 * p[-1] / h
        v[:, 1:-1] -= np.diff(p, axis=1) / h
        return p

    def advance(u, v, part, du, dv, at):
        u, v = u.copy(), v.copy()
        u[1:] += part * du
        v[:, 1:-1] += part * dv
        return u, v, project(u, v, at)

    u, v, p = np.zeros((nx + 1, ny)), np.zeros((nx, ny + 1)), np.zeros((nx, ny))
    at = (slice(thin // 2, None, thin),) * 2
    grid = [g[at].ravel() for g in np.meshgrid((np.arange(nx) + 0.5) * h, y, indexing="ij")]

    def row(u, v, p, t):
        values = (u[1:] + u[:-1]) / 2, (v[:, 1:] + v[:, :-1]) / 2, p
        return np.column_stack([*grid, np.full(grid[0].size, t), *(value[at].ravel() for value in values)])

    rows, steps = [row(u, v, p, 0)], round(5 / step)
    for i in range(steps):
        t = i * step
        k1 = rates(u, v, t)
        a = advance(u, v, step / 3, *k1, t + step / 3)
        k2 = rates(a[0], a[1], t + step / 3)
        a = advance(u, v, 2 * step / 3, *k2, t + 2 * step / 3)
        k3 = rates(a[0], a[1], t + 2 * step / 3)
        u, v, p = advance(u, v, step, *((r1 + 3 * r3) / 4 for r1, r3 in zip(k1, k3)), t + step)
        p = p / step
        if (i + 1) % (steps // frames) == 0:
            rows.append(row(u, v, p, t + step))
    return np.concatenate(rows)
