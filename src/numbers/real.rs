//! The two number types of the CPU backend: f32 with our SIMD polynomials; f64 with ours for the activations but
//! for erf, and with the library's functions for the rest.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use bytemuck::Pod;
use pulp::Simd;

use crate::numbers::{Precision, functions_f32, math_f32, math_f64};

/// Rows and columns that change places in registers.
pub const SQUARE: usize = 4;

/// f32 or f64.
pub trait Real:
    Pod
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Sum
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// Which of the two it is.
    const PRECISION: Precision;
    /// As many as a SIMD register holds.
    type Vector<S: Simd>: Pod;

    /// x in every lane
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// a b + c, rounded once where the machine can
    fn mul_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// Rows and columns change places.
    #[inline(always)]
    fn transpose(square: [[Self; SQUARE]; SQUARE]) -> [[Self; SQUARE]; SQUARE] {
        std::array::from_fn(|column| square.map(|row| row[column]))
    }

    /// Rounded to this type.
    fn of(x: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// √x
    fn sqrt(self) -> Self;
    /// |x|
    fn abs(self) -> Self;
    /// the largest whole number that is not above x
    fn floor(self) -> Self;
    /// the smallest whole number that is not below x
    fn ceil(self) -> Self;
    /// exp x
    fn exp(self) -> Self;
    /// exp x − 1 for x ≤ 0
    fn expm1_negative(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// 1/(1 + exp(−x))
    fn sigmoid(self) -> Self;
    /// (sin x, cos x)
    fn sin_cos(self) -> (Self, Self);
    /// log(1 + t) for 0 ≤ t ≤ 1
    fn log1p_unit(self) -> Self;
    /// erf x
    fn erf(self) -> Self;
    /// log x, NaN for x < 0
    fn log(self) -> Self;
    /// x^y, NaN for x < 0
    fn pow(self, y: Self) -> Self;
    /// asin x, NaN for |x| > 1
    fn asin(self) -> Self;
    /// acos x, NaN for |x| > 1
    fn acos(self) -> Self;
    /// atan x
    fn atan(self) -> Self;
    /// sinh x
    fn sinh(self) -> Self;
    /// cosh x
    fn cosh(self) -> Self;
}

macro_rules! common {
    ($precision:expr) => {
        const ZERO: Self = 0.0;
        const ONE: Self = 1.0;
        const PRECISION: Precision = $precision;

        #[inline(always)]
        fn of(x: f64) -> Self {
            x as Self
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            self.sqrt()
        }
        #[inline(always)]
        fn abs(self) -> Self {
            self.abs()
        }
        #[inline(always)]
        fn floor(self) -> Self {
            self.floor()
        }
        #[inline(always)]
        fn ceil(self) -> Self {
            self.ceil()
        }
    };
}

impl Real for f32 {
    common!(Precision::F32);
    type Vector<S: Simd> = S::f32s;

    #[inline(always)]
    fn splat<S: Simd>(simd: S, x: Self) -> S::f32s {
        simd.splat_f32s(x)
    }
    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(a, b, c)
    }
    /// In registers: the compiler would move one number at a time.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn transpose(square: [[Self; SQUARE]; SQUARE]) -> [[Self; SQUARE]; SQUARE] {
        use std::arch::x86_64::{_mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};
        let [a, b, c, d] = square.map(bytemuck::cast);
        // SAFETY: every x86-64 processor has SSE.
        let rows = unsafe {
            let (low, high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let (low_after, high_after) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            [
                _mm_movelh_ps(low, low_after),
                _mm_movehl_ps(low_after, low),
                _mm_movelh_ps(high, high_after),
                _mm_movehl_ps(high_after, high),
            ]
        };
        rows.map(bytemuck::cast)
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        math_f32::exp(self)
    }
    #[inline(always)]
    fn expm1_negative(self) -> Self {
        math_f32::expm1_negative(self)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        math_f32::tanh(self)
    }
    #[inline(always)]
    fn sigmoid(self) -> Self {
        math_f32::sigmoid(self)
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        math_f32::sin_cos(self)
    }
    #[inline(always)]
    fn log1p_unit(self) -> Self {
        math_f32::log1p_unit(self)
    }
    #[inline(always)]
    fn erf(self) -> Self {
        math_f32::erf(self)
    }
    #[inline(always)]
    fn log(self) -> Self {
        functions_f32::log(self)
    }
    #[inline(always)]
    fn pow(self, y: Self) -> Self {
        functions_f32::pow(self, y)
    }
    #[inline(always)]
    fn asin(self) -> Self {
        functions_f32::asin(self)
    }
    #[inline(always)]
    fn acos(self) -> Self {
        functions_f32::acos(self)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        functions_f32::atan(self)
    }
    #[inline(always)]
    fn sinh(self) -> Self {
        functions_f32::sinh(self)
    }
    #[inline(always)]
    fn cosh(self) -> Self {
        functions_f32::cosh(self)
    }
}

impl Real for f64 {
    common!(Precision::F64);
    type Vector<S: Simd> = S::f64s;

    #[inline(always)]
    fn splat<S: Simd>(simd: S, x: Self) -> S::f64s {
        simd.splat_f64s(x)
    }
    #[inline(always)]
    fn mul_add<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn exp(self) -> Self {
        math_f64::exp(self)
    }
    #[inline(always)]
    fn expm1_negative(self) -> Self {
        math_f64::expm1_negative(self)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        math_f64::tanh(self)
    }
    #[inline(always)]
    fn sigmoid(self) -> Self {
        math_f64::sigmoid(self)
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        math_f64::sin_cos(self)
    }
    #[inline(always)]
    fn log1p_unit(self) -> Self {
        math_f64::log1p_unit(self)
    }
    fn erf(self) -> Self {
        libm::erf(self)
    }
    fn log(self) -> Self {
        f64::ln(self)
    }
    fn pow(self, y: Self) -> Self {
        if self < 0.0 { f64::NAN } else { f64::powf(self, y) }
    }
    fn asin(self) -> Self {
        f64::asin(self)
    }
    fn acos(self) -> Self {
        f64::acos(self)
    }
    fn atan(self) -> Self {
        f64::atan(self)
    }
    fn sinh(self) -> Self {
        f64::sinh(self)
    }
    fn cosh(self) -> Self {
        f64::cosh(self)
    }
}
