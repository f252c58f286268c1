//! Association files of a host, which phones ask for.

use super::answer::Answer;
use super::facts::Place;
use super::pages;
use crate::isolate::{Known, Memory};
use crate::settings::Settings;
use domain::values::time::UnixMs;
use domain::visit::link::AssociationFile;

/// Answers a request for an association file: with the host's, or that there is none, and never
/// with a redirect. The inner `None`: it is no such request, or the site's to answer. The outer
/// one: the file must be fetched first.
#[allow(clippy::option_option, reason = "two different questions")]
pub(super) fn answer(
    method: &str,
    place: &Place<'_>,
    memory: &Memory,
    settings: &Settings,
    now: UnixMs,
) -> Option<Option<Answer>> {
    let asks = matches!(method, "GET" | "HEAD");
    let Some(file) = AssociationFile::at(place.path).filter(|_| asks) else {
        return Some(None);
    };
    let known = memory.well_known(place.host, now)?;
    let found = match known {
        Known::Found(files) => files.file(file),
        Known::Absent | Known::Failed => None,
    };
    Some(match (found, known) {
        (Some(text), _) => Some(Answer::file(text)),
        _ if settings.is_site(place.host) => None,
        (None, Known::Failed) => Some(pages::away()),
        (None, _) => Some(pages::nothing_here()),
    })
}
