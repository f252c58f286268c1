//! What is counted of a link on a day: the one place that says which clicks are valid, confirmed
//! and paid.
//!
//! Reports of landings prove little by themselves: under `code` one token stands for all visitors
//! of a link and day, so nothing tells a repeated report from another visitor's. What is known is
//! how many redirects went to people. So of a link and day never more clicks are validated, shown,
//! confirmed or paid than redirects of that kind were counted, however many reports came and in
//! whatever order.

/// A table of the days of links, from the rollups that a `WHERE` chooses:
///
/// - `valid`: people, and what might have been software (`provisional`, `flood`) or was loaded
///   ahead (`prefetch`) as far as it was confirmed or shown;
/// - `reported`: landings, each click once, also where consent gave it a name later;
/// - `confirmed`: as many of them as there are valid clicks;
/// - `payable`, of `payable_valid`: the same without what is never paid.
macro_rules! click_days {
    ($chosen:expr) => {
        concat!(
            "(SELECT *, min(reported, valid) AS confirmed
              FROM (SELECT program, day, link, partner, classes, raw, landed, validated_most,
                  human + validated_most + min(shown, prefetch) AS valid,
                  landed + max(anonymous - granted, 0) AS reported,
                  human + min(max(validated - unpaid, 0), provisional) + min(shown, prefetch)
                    AS payable_valid,
                  landed - unpaid AS payable
                FROM (SELECT *, min(validated, provisional + flood) AS validated_most
                  FROM (SELECT program, day, link, partner,
                      json_group_object(class, count) AS classes,
                      sum(iif(class NOT IN ('validated', 'shown', 'confirmed',
                        'confirmed_anonymous', 'granted', 'unverified', 'orphan', 'unpaid'),
                        count, 0)) AS raw,
                      sum(iif(class = 'human', count, 0)) AS human,
                      sum(iif(class = 'provisional', count, 0)) AS provisional,
                      sum(iif(class = 'flood', count, 0)) AS flood,
                      sum(iif(class = 'prefetch', count, 0)) AS prefetch,
                      sum(iif(class = 'validated', count, 0)) AS validated,
                      sum(iif(class = 'shown', count, 0)) AS shown,
                      sum(iif(class = 'confirmed', count, 0)) AS landed,
                      sum(iif(class = 'confirmed_anonymous', count, 0)) AS anonymous,
                      sum(iif(class = 'granted', count, 0)) AS granted,
                      sum(iif(class = 'unpaid', count, 0)) AS unpaid
                    FROM click_rollups r WHERE ",
            $chosen,
            " GROUP BY program, day, link, partner))))"
        )
    };
}

pub(in crate::app) use click_days;
