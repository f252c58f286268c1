//! Puts notices into the outbox, from within the transaction that makes them true.

/// Statement for a batch whose parameter has `now` and `notices`, which
/// [`domain::forward::destination::notice`] makes: tells every webhook of the notice's program.
/// Repeating it adds nothing.
pub const ADD_NOTICES: &str = "INSERT INTO deliveries
      (id, program, destination, event, type, revision, subject, notice, state, next_at, created_at)
    SELECT 'dl_' || (n.value ->> 'subject') || '.' || d.id, d.program, d.id, n.value ->> 'event',
      n.value ->> 'type', 0, n.value ->> 'subject', n.value -> 'notice', 'pending',
      ?1 ->> 'now', ?1 ->> 'now'
    FROM json_each(?1, '$.notices') n
    JOIN destinations d ON d.program = n.value ->> 'program' AND d.kind = 'webhook'
      AND d.enabled = 1
    WHERE true ON CONFLICT DO NOTHING";
