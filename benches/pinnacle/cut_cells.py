"""References of ours on boxes with round holes: finite volumes on a Cartesian grid whose cells and faces are cut by the
holes, second order away from them. NumPy alone."""
import itertools

import numpy as np


class Grid:
    """Cells of a box (`low`, `high`, `counts`) outside balls (`centre…, radius`). `axes` are the coordinates of centres,
    `volume` and `faces` the open parts of cells and of the faces between neighbours along each axis, `wall[i]` and `side`
    what ball i and the sides of the box give and take of Robin's flux g - u."""

    def __init__(self, low, high, counts, balls, fine=16):
        self.low, self.balls, dim = np.array(low, float), balls, len(low)
        self.h = (np.array(high, float) - self.low) / counts
        self.counts = tuple(counts)
        self.axes = [l + h * (np.arange(n) + 0.5) for l, h, n in zip(low, self.h, counts)]
        cell = np.prod(self.h)
        self.volume = cell * self.open([0] * dim, range(dim), fine)
        self.wall = np.array([self.arc(ball) for ball in balls])
        self.inside = self.volume > 1e-3 * cell
        self.faces, self.side = [], np.zeros(self.counts)
        for axis in range(dim):
            others = [a for a in range(dim) if a != axis]
            area = cell / self.h[axis]
            ends = [area * self.open([s * (a == axis) for a in range(dim)], others, fine) for s in (-0.5, 0.5)]
            ends = [end * self.inside for end in ends]
            self.faces.append(np.minimum(*(np.delete(end, at, axis) for end, at in zip(ends, (0, -1)))))
            first, last = [slice(None)] * dim, [slice(None)] * dim
            first[axis], last[axis] = 0, -1
            self.side[tuple(first)] += ends[0][tuple(first)] / (1 + self.h[axis] / 2)
            self.side[tuple(last)] += ends[1][tuple(last)] / (1 + self.h[axis] / 2)

    def open(self, shift, along, fine):
        """The part of each cell (`along` all axes) or face that lies outside all balls, by counting `fine` points an
        axis where a ball is near."""
        part = np.ones(self.counts)
        offsets = list(itertools.product((np.arange(fine) + 0.5) / fine - 0.5, repeat=len(list(along))))
        for *centre, radius in self.balls:
            reach = [np.flatnonzero(abs(a - c) < radius + 2 * h) for a, c, h in zip(self.axes, centre, self.h)]
            box = np.ix_(*reach)
            local = [a[i] + s * h - c for a, i, s, h, c in zip(self.axes, reach, shift, self.h, centre)]
            covered = np.zeros([len(i) for i in reach])
            for offset in offsets:
                moved = [l.copy() for l in local]
                for axis, o in zip(along, offset):
                    moved[axis] = moved[axis] + o * self.h[axis]
                squares = np.meshgrid(*[m**2 for m in moved], indexing="ij", sparse=True)
                covered += sum(squares) < radius**2
            part[box] -= covered / len(offsets)
        return np.maximum(part, 0)

    def arc(self, ball):
        """The area of a ball's boundary in each cell, over 1 + the distance of the cell's centre: with du/dn = g - u the flux is
        this times g less the centre's u."""
        *centre, radius = ball
        if len(centre) == 2:
            angle = 2 * np.pi * (np.arange(40000) + 0.5) / 40000
            points, total = np.c_[np.cos(angle), np.sin(angle)], 2 * np.pi * radius
        else:
            i = np.arange(400000) + 0.5
            z, angle = 1 - 2 * i / len(i), np.pi * (1 + 5**0.5) * i
            points = np.c_[np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z]
            total = 4 * np.pi * radius**2
        # Of the cell half a step outside, whose volume is not a sliver.
        index = tuple(((centre + (radius + self.h / 2) * points - self.low) / self.h).astype(int).T)
        away = np.sqrt(sum((a[i] - c) ** 2 for a, i, c in zip(self.axes, index, centre))) - radius
        area = np.zeros(self.counts)
        np.add.at(area, index, total / len(points) / (1 + away))
        return area

    def stiffness(self, u):
        """The integral of -Δu over each cell without the walls' fluxes."""
        out = np.zeros_like(u)
        for axis, face in enumerate(self.faces):
            flux = face * np.diff(u, axis=axis) / self.h[axis]
            low, high = [slice(None)] * u.ndim, [slice(None)] * u.ndim
            low[axis], high[axis] = slice(None, -1), slice(1, None)
            out[tuple(low)] -= flux
            out[tuple(high)] += flux
        return out

    def solve(self, mass, right, u, tolerance=1e-9):
        """u of stiffness(u) + mass u = right, by conjugate gradients from u."""
        diagonal = mass + 1e-300
        for axis, face in enumerate(self.faces):
            pads = [(0, 0)] * u.ndim
            pads[axis] = (0, 1)
            up = np.pad(face, pads)
            pads[axis] = (1, 0)
            diagonal = diagonal + (up + np.pad(face, pads)) / self.h[axis]
        scale = np.where(self.inside, 1 / diagonal, 0)
        r = (right - self.stiffness(u) - mass * u) * self.inside
        z = scale * r
        p, rz = z.copy(), np.vdot(r, z)
        goal = tolerance**2 * np.vdot(right * self.inside, scale * right)
        while rz > goal:
            q = (self.stiffness(p) + mass * p) * self.inside
            step = rz / np.vdot(p, q)
            u = u + step * p
            r -= step * q
            z = scale * r
            rz, old = np.vdot(r, z), rz
            p = z + rz / old * p
        return u

    def rows(self, u, thin, *more):
        """Columns: coordinates, `more`, and u, at every `thin`th cell that is wholly open."""
        every = tuple(slice(thin // 2, None, thin) for _ in self.counts)
        whole = (self.volume[every] > 0.999 * np.prod(self.h)).ravel()
        grid = [g[every].ravel()[whole] for g in np.meshgrid(*self.axes, indexing="ij")]
        values = u[every].ravel()[whole]
        return np.c_[tuple(grid) + tuple(np.full(values.size, m) for m in more) + (values,)]


def heat_2d_cg(across=20, step=0.01, frames=30, thin=5):
    """Heat 2d-CG: columns x, y, t, u. `across` cells a unit of length; BDF2 in time."""
    big = [(x, y, 1) for x in (-4, 4) for y in (-9, -3, 3, 9)] + [(0, y, 1) for y in (-6, 0, 6)]
    small = [(x, y, 0.4) for x in (-3.2, 3.2) for y in (-6, 0, 6)]
    grid = Grid((-8, -12), (8, 12), (16 * across, 24 * across), big + small)
    outer = np.array([5.0] * len(big) + [1.0] * len(small))
    wall = grid.wall.sum(0) + grid.side
    heat = np.tensordot(outer, grid.wall, 1) + 0.1 * grid.side
    u = before = np.zeros(grid.counts)
    steps = round(3 / step)
    rows = [grid.rows(u, thin, 0)]
    first = 20                               # small steps of Euler's for the start, whose flux jumps
    for _ in range(first):
        u = grid.solve(grid.volume * first / step + wall, grid.volume * first / step * u + heat, u)
    for i in range(2, steps + 1):
        mass = grid.volume * 1.5 / step
        right = grid.volume * (2 * u - 0.5 * before) / step + heat
        u, before = grid.solve(mass + wall, right, 2 * u - before), u
        if i % (steps // frames) == 0:
            rows.append(grid.rows(u, thin, 3 * i / steps))
    return np.concatenate(rows)


def poisson_3d_cg(n=100, thin=4):
    """Poisson 3d-CG: columns x, y, z, u."""
    balls = [(0.4, 0.3, 0.6, 0.2), (0.6, 0.7, 0.6, 0.2), (0.2, 0.8, 0.7, 0.1), (0.6, 0.2, 0.3, 0.1)]
    grid = Grid((0, 0, 0), (1, 1, 1), (n, n, n), balls, fine=4)
    x, y, z = np.meshgrid(*grid.axes, indexing="ij", sparse=True)
    square = x**2 + y**2 + z**2
    sines = np.sin(np.pi * x), np.sin(10 * np.pi * y), np.sin(5 * np.pi * z)
    f = 20 * np.exp(sum(sines)) * (square - 1) / (square + 1) + 100 * sines[0] * sines[1] * sines[2]
    k2 = np.where(z < 0.5, 64.0, 100.0)
    return grid.rows(grid.solve(grid.volume * k2, grid.volume * f, f / k2), thin)
