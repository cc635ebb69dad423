//! What the tests and the tour share: a scratch Worker project, the tool, the real wrangler, and a judge that compares
//! two databases completely.

pub(crate) mod dev;
pub(crate) mod equal;
mod install;
pub(crate) mod project;
pub(crate) mod replay;
pub(crate) mod run;
mod trigger_text;
pub(crate) mod wrangler;
