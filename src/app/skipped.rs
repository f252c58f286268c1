//! Pages of a site that went without the snippet's tag, as the gateway counts them. The counts show
//! that something is wrong: a message that comes twice counts twice, and nothing is paid by them.

use super::ports::{Database, DatabaseError, Statement};
use domain::json;
use domain::values::time::UnixMs;
use serde::{Deserialize, Serialize};

/// Rows of one message.
pub const MOST: usize = 200;

/// Why a page went without the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The page's policy would not let it run.
    Policy,
    /// The answer is no HTML page.
    NotHtml,
    /// A range of a page.
    Part,
    /// It is compressed in a way that the platform does not open.
    Encoding,
    /// Its characters are not written as in ASCII.
    Charset,
    /// A file to be saved.
    Download,
    /// A template is not closed.
    OpenTemplate,
    /// The platform refused to rewrite it.
    Failed,
}

/// How many pages of a host went without the tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub host: String,
    pub reason: Reason,
    pub count: u32,
}

const COUNT: &str = "INSERT INTO skipped_pages (program, day, host, reason, count)
    SELECT h.program, ?1 ->> 'day', h.host, s.value ->> 'reason', sum(s.value ->> 'count')
    FROM json_each(?1, '$.skipped') s JOIN hosts h ON h.host = s.value ->> 'host'
    WHERE s.value ->> 'count' > 0 GROUP BY 1, 2, 3, 4
    ON CONFLICT DO UPDATE SET count = count + excluded.count";

/// Adds the counts of a message that was sent at this time. Those of hosts that belong to no
/// program are left out.
pub async fn count(
    db: &impl Database,
    sent_at: UnixMs,
    skipped: &[Skipped],
) -> Result<(), DatabaseError> {
    let skipped = skipped.get(..MOST).unwrap_or(skipped);
    let param = json!({"day": sent_at.to_day(), "skipped": skipped});
    db.batch(vec![Statement::new(COUNT, &param)]).await?;
    Ok(())
}
