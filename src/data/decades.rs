//! Columns whose numbers span so many decades that a network sees most of them as 0.

/// A network resolves numbers down to about this part of the largest.
const RESOLVED_SHARE: f64 = 1e-6;

/// A warning for a column most of whose values are negligible beside the largest one. Exact zeros do not count.
pub fn spans_decades(name: &str, column: &[f64]) -> Option<String> {
    let mut sizes: Vec<f64> = column.iter().map(|x| x.abs()).filter(|x| *x > 0.0).collect();
    sizes.sort_by(f64::total_cmp);
    let (least, largest) = (*sizes.first()?, *sizes.last()?);
    let lost = sizes.partition_point(|x| *x < RESOLVED_SHARE * largest);
    (2 * lost > sizes.len()).then(|| {
        let decades = (largest / least).log10();
        format!(
            "column {name:?} spans {decades:.0} decades: {lost} of its {} values are below {RESOLVED_SHARE:e} of the \
             largest, and a fit on a linear scale cannot tell them from 0; fit the logarithm of the column instead",
            column.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_over_18_decades_is_named_and_ordinary_ones_are_not() {
        let decades: Vec<f64> = (0..=180).map(|k| 10f64.powf(f64::from(k) / 10.0 - 9.0)).collect();
        let said = spans_decades("k", &decades).unwrap();
        assert!(said.contains("\"k\" spans 18 decades: 120 of its 181 values"), "{said}");
        let negative: Vec<f64> = decades.iter().map(|k| -k).collect();
        assert!(spans_decades("k", &negative).is_some());
        let sine: Vec<f64> = (0..100).map(|k| (f64::from(k) * std::f64::consts::PI / 10.0).sin()).collect();
        let sparse: Vec<f64> = (0..100).map(|k| if k == 7 { 1e9 } else { 0.0 }).collect();
        let offset: Vec<f64> = (0..100).map(|k| 1e12 + f64::from(k)).collect();
        let decay: Vec<f64> = (0..100).map(|k| (-0.2 * f64::from(k)).exp()).collect();
        for (name, column) in
            [("sine", sine), ("sparse", sparse), ("offset", offset), ("decay", decay), ("0", vec![0.0])]
        {
            assert_eq!(spans_decades(name, &column), None);
        }
    }
}
