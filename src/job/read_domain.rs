//! `[domain]`: shapes and the sets that they form, with the files that some are read from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use super::item::Item;
use super::read::Reader;
use super::section::Document;
use super::{Overrides, keys};
use crate::data::{Dialect, TableReader};
use crate::domain::{Domain, DomainSpec, Form, ShapeSpec, Variable};
use crate::error::{Error, Result};
use crate::files;

/// The keys that say what a shape is, and those that go with each.
const FORMS: [(&str, &[&str]); 8] = [
    ("ball", &["radius", "inputs"]),
    ("ellipse", &["radii", "angle", "inputs"]),
    ("box", &[]),
    ("polygon", &["inputs"]),
    ("radius_of_angle", &["centre", "inputs"]),
    ("x", &["y", "s", "inputs"]),
    ("stl", &["inputs"]),
    ("where", &[]),
];
/// Triangles of a mesh that is read.
const MOST_TRIANGLES: usize = 5_000_000;

/// The domain of the job in a file, from its own sections alone; none where it has no variables.
///
/// # Errors
/// What is wrong with these sections.
pub fn domain_of(path: &Path) -> Result<Option<Domain>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| files::unreadable(path, error, "check the path of the job file"))?;
    let document = Document::parse(&text, path, &[])?;
    let reader = Reader { document: &document, place: path, overrides: &Overrides::default() };
    if !document.has("variables") || !document.has("domain") {
        return Ok(None);
    }
    reader.domain(&reader.variables(None)?)
}

impl Reader<'_> {
    /// The box of the variables, or what `[domain]` leaves of it; none without variables.
    pub(super) fn domain(&self, variables: &[Variable]) -> Result<Option<Domain>> {
        let section = self.document.section("domain", keys::DOMAIN)?;
        if variables.is_empty() {
            return match section.is_present() {
                false => Ok(None),
                true => {
                    let problem = "a domain is a part of a box, and the job has no [variables]";
                    let help = "add [variables] with an interval for each input, for example: x = [-1, 1]";
                    Err(Error::input(self.document.section_place("domain"), problem, help))
                }
            };
        }
        let inputs = section.read("inputs", vec![], |item| item.list()?.iter().map(Item::text).collect())?;
        let in_space = |variable: &&Variable| match inputs.is_empty() {
            true => !variable.is_time(),
            false => inputs.contains(&variable.name),
        };
        let space: Vec<String> = variables.iter().filter(in_space).map(|variable| variable.name.clone()).collect();
        let (mut shapes, mut places) = (BTreeMap::new(), BTreeMap::new());
        for (name, item) in section.get("shapes").map(|item| item.entries()).transpose()?.unwrap_or_default() {
            places.insert(format!("shapes.{name}"), item.place());
            shapes.insert(name, self.shape(&item, &space)?);
        }
        let spec = DomainSpec {
            inputs,
            region: section.optional("region", Item::text)?,
            conditions: section.read("where", vec![], texts)?,
            shapes,
        };
        let place = |key: &str| places.get(key).cloned().unwrap_or_else(|| section.place(key));
        Domain::new(&place, variables, spec).map(Some)
    }

    fn shape(&self, item: &Item, space: &[String]) -> Result<ShapeSpec> {
        let section = item.section(format!("{}.", item.name), keys::SHAPE)?;
        let named: Vec<_> = FORMS.iter().filter(|(form, _)| section.get(form).is_some()).collect();
        let [(form, beside)] = named[..] else {
            let problem = match named.len() {
                0 => "this says not what the shape is".to_string(),
                _ => "this says twice what the shape is".to_string(),
            };
            let forms: Vec<&str> = FORMS.iter().map(|(form, _)| *form).collect();
            return Err(item.error(problem, format!("give it one of these keys: {}", forms.join(", "))));
        };
        for key in keys::SHAPE.iter().filter(|key| *key != form && !beside.contains(key)) {
            section.only_if(key, false, &format!("a shape other than {form}"))?;
        }
        let inputs: Vec<String> =
            section.read("inputs", vec![], |item| item.list()?.iter().map(Item::text).collect())?;
        let own = if inputs.is_empty() { space } else { &inputs };
        let form = match *form {
            "ball" => Form::Ball {
                centre: section.required("ball", "[0, 0]", numbers)?,
                radius: section.required("radius", "1", Item::positive)?,
            },
            "ellipse" => Form::Ellipse {
                centre: section.required("ellipse", "[0, 0]", numbers)?,
                radii: section.required("radii", "[1, 0.5]", numbers)?,
                angle: section.read("angle", 0.0, Item::number)?,
            },
            "box" => Form::Box(section.required("box", "{ x = [0, 1] }", |item| {
                item.entries()?.iter().map(|(name, item)| Ok((name.clone(), pair(item)?))).collect()
            })?),
            "polygon" => section.required("polygon", "[[0, 0], [1, 0], [0, 1]]", |item| match item.list() {
                Ok(corners) => {
                    Ok(Form::Polygon { corners: corners.iter().map(pair).collect::<Result<_>>()?, file: None })
                }
                Err(_) => self.corners(item, own),
            })?,
            "radius_of_angle" => Form::Star {
                radius: section.required("radius_of_angle", "\"1 + 0.3*cos(5*theta)\"", Item::text)?,
                centre: section.read("centre", [0.0, 0.0], pair)?,
            },
            "x" => Form::Curve {
                path: [
                    section.required("x", "\"cos(s)\"", Item::text)?,
                    section.required("y", "\"sin(s)\"", Item::text)?,
                ],
                s: section.required("s", "[0, 6.283185307179586]", pair)?,
            },
            "stl" => section.required("stl", "\"part.stl\"", |item| self.mesh(item))?,
            _ => Form::Where(section.required("where", "\"x + 2*y < 1\"", Item::text)?),
        };
        Ok(ShapeSpec { inputs, form })
    }

    /// Corners from a table with a column for each of two inputs.
    fn corners(&self, item: &Item, inputs: &[String]) -> Result<Form> {
        let file = self.path(item)?;
        let [x, y] = inputs else {
            let problem = format!("a polygon lies in two inputs, not in {}", inputs.join(", "));
            return Err(item.error(problem, "name its inputs, for example inputs = [\"x\", \"y\"]"));
        };
        let mut reader = TableReader::open_as(&file, &Dialect::default())?;
        reader.select(&[x, y])?;
        let columns = reader.read_rows()?;
        let corners = columns[0].iter().zip(&columns[1]).map(|(x, y)| [*x, *y]).collect();
        Ok(Form::Polygon { corners, file: Some(file) })
    }

    fn mesh(&self, item: &Item) -> Result<Form> {
        let file = self.path(item)?;
        let mut open = BufReader::new(
            File::open(&file).map_err(|error| files::unreadable(&file, error, "check the path of the mesh"))?,
        );
        let unread = |error: std::io::Error| {
            let problem = format!("{} cannot be read as STL: {error}", file.display());
            item.error(problem, "give a binary or ASCII STL file")
        };
        let mut triangles = vec![];
        for triangle in stl_io::create_stl_reader(&mut open).map_err(unread)? {
            let corners = triangle.map_err(unread)?.vertices.map(|corner| [0, 1, 2].map(|k| f64::from(corner[k])));
            if triangles.len() == MOST_TRIANGLES || !corners.iter().flatten().all(|x| x.is_finite()) {
                let problem = format!(
                    "{} has more than {MOST_TRIANGLES} triangles, or a corner that is not finite",
                    file.display()
                );
                return Err(item.error(problem, "give a coarser mesh"));
            }
            triangles.push(corners);
        }
        Ok(Form::Mesh { file, triangles: Arc::new(triangles) })
    }
}

/// A text, or a list of texts.
pub(super) fn texts(item: &Item) -> Result<Vec<String>> {
    match item.list() {
        Ok(parts) => parts.iter().map(Item::text).collect(),
        Err(_) => Ok(vec![item.text()?]),
    }
}

fn numbers(item: &Item) -> Result<Vec<f64>> {
    item.list()?.iter().map(Item::number).collect()
}

fn pair(item: &Item) -> Result<[f64; 2]> {
    match numbers(item)?[..] {
        [first, second] => Ok([first, second]),
        _ => Err(item.error("two numbers are expected here", "write them as [1, 2]")),
    }
}
