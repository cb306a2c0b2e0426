//! The files that `interp` reads in the expressions of a job.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::Value;

use super::read::{Reader, absolute};
use super::{Job, TruthSource};
use crate::data::Field;
use crate::error::Result;
use crate::expression::{FieldCall, Fields, field_calls, with_files};

impl Reader<'_> {
    /// Reads every field that an expression of the job names; those that a trained network brings lie in its file.
    pub(super) fn fields(&self, job: &mut Job) -> Result<()> {
        let mut calls = BTreeSet::new();
        let mut look = |text: &String| calls.extend(field_calls(text));
        job.definitions.values().chain(job.transforms.values()).for_each(&mut look);
        job.networks.iter().flat_map(|network| &network.features).for_each(&mut look);
        if let Some(TruthSource::Expressions(expressions)) = job.truth.as_ref().map(|truth| &truth.source) {
            expressions.iter().for_each(|(_, text)| look(text));
        }
        for term in self.document.list("term") {
            super::residuals::texts(&term).iter().for_each(&mut look);
        }
        let starts = job.networks.iter().filter_map(|network| network.start.as_ref());
        let brought: Vec<&Fields> = starts.map(|start| &start.whole.transforms.fields).collect();
        let mut fields: Vec<(FieldCall, Arc<Field>)> = vec![];
        for call in calls {
            let known = brought.iter().flat_map(|fields| fields.iter()).find(|(known, _)| **known == call);
            let field = match known {
                Some((_, field)) => Arc::clone(field),
                None => {
                    let file = absolute(&self.folder().join(&call.file))?;
                    let field = Field::read(&file, &job.dialect(), &call.columns, call.interpolation)?;
                    job.field_files.insert(call.file.clone(), file);
                    Arc::new(field)
                }
            };
            fields.push((call, field));
        }
        job.fields = Fields::new(fields);
        Ok(())
    }
}

impl Job {
    /// A value whose expressions name their files by absolute paths.
    pub(super) fn with_absolute_files(&self, value: Value) -> Value {
        let path = |file: &str| self.field_files.get(file).map_or(file.to_string(), |path| path.display().to_string());
        match value {
            _ if self.field_files.is_empty() => value,
            Value::String(text) => Value::String(with_files(&text, path)),
            Value::Array(values) => {
                Value::Array(values.into_iter().map(|value| self.with_absolute_files(value)).collect())
            }
            Value::Table(table) => {
                let entry = |(key, value)| (key, self.with_absolute_files(value));
                Value::Table(table.into_iter().map(entry).collect())
            }
            value => value,
        }
    }
}
