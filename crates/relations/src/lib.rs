//! Published relations, which readers may read: filtered, page by page or as one stream.
//!
//! A relation is a view or a table that the table `relations` lists; nothing else exists here. Rows
//! come in the order of a column of whole numbers, the key, on which there is an index. So a page
//! costs the same at the end of a relation as at its start.
//!
//! [`Relation::find`] says which columns a relation has, [`Filters`] reads conditions as in
//! PostgREST, [`Selection::page`] reads one page as JSON, and [`Export`] reads all rows in any format
//! of [`tabular`]. [`Scopes::allows`] says what a client may read of it.
//!
//! No name that a client has sent becomes SQL: names are compared with those of the catalog, and
//! values are parameters.
//!
//! Every call blocks for a limited time, as those of `store` do.

mod name;
mod scope;

mod catalogue;
mod column;

mod filter;
mod operand;

mod select;

mod page;

mod export;

mod error;

pub use catalogue::{Relation, fingerprint, published};
pub use column::{Column, ConsumerType};
pub use error::{BadParameter, Error};
pub use export::{Export, ExportOptions, Proof};
pub use filter::{Filter, Filters};
pub use name::RelationName;
pub use page::{Orientation, Page, PageOptions};
pub use scope::{Access, BadScope, Scope, Scopes};
pub use select::Selection;
