//! From a domain back to TOML.

use toml::{Table, Value};

use super::write::{path, table};
use crate::domain::{DomainSpec, Form, ShapeSpec};

/// The keys of `[domain]`.
pub(super) fn keys(DomainSpec { inputs, region, conditions, shapes }: &DomainSpec) -> Vec<(&'static str, Value)> {
    let mut keys: Vec<(&str, Value)> = vec![];
    keys.extend((!inputs.is_empty()).then(|| ("inputs", inputs.clone().into())));
    keys.extend(region.as_ref().map(|region| ("region", region.as_str().into())));
    keys.extend((!conditions.is_empty()).then(|| ("where", conditions.clone().into())));
    let shapes: Table = shapes.iter().map(|(name, shape)| (name.clone(), shape_keys(shape).into())).collect();
    keys.extend((!shapes.is_empty()).then(|| ("shapes", shapes.into())));
    keys
}

fn shape_keys(ShapeSpec { inputs, form }: &ShapeSpec) -> Table {
    let pair = |pair: &[f64; 2]| Value::from(pair.to_vec());
    let mut keys = match form {
        Form::Ball { centre, radius } => table([("ball", centre.clone().into()), ("radius", (*radius).into())]),
        Form::Ellipse { centre, radii, angle } => {
            table([("ellipse", centre.clone().into()), ("radii", radii.clone().into()), ("angle", (*angle).into())])
        }
        Form::Box(intervals) => {
            let intervals = intervals.iter().map(|(input, interval)| (input.clone(), pair(interval)));
            table([("box", Table::from_iter(intervals).into())])
        }
        Form::Polygon { file: Some(file), .. } => table([("polygon", path(file))]),
        Form::Polygon { corners, .. } => table([("polygon", corners.iter().map(pair).collect::<Vec<_>>().into())]),
        Form::Star { radius, centre } => table([("radius_of_angle", radius.as_str().into()), ("centre", pair(centre))]),
        Form::Curve { path: [x, y], s } => table([("x", x.as_str().into()), ("y", y.as_str().into()), ("s", pair(s))]),
        Form::Mesh { file, .. } => table([("stl", path(file))]),
        Form::Where(text) => table([("where", text.as_str().into())]),
    };
    if !inputs.is_empty() {
        keys.insert("inputs".to_string(), inputs.clone().into());
    }
    keys
}
