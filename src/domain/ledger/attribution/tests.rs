use super::*;
use crate::ledger::event::EventKind;
use crate::ledger::plan::Rules;
use crate::values::input::Fields;
use crate::values::time::DAY_MS;
use crate::visit::token::tests::{NOW, touch};
use serde_json::{Value, json};

fn record(nonce: u8, at: UnixMs, partner: u64) -> TouchRecord {
    TouchRecord {
        nonce: Some(format!("{nonce:016x}")),
        at,
        partner: PartnerId::from_number(partner),
        ..TouchRecord::from(&touch())
    }
}

fn days_before(nonce: u8, days: i64, partner: u64) -> TouchRecord {
    record(nonce, NOW.plus(-days * DAY_MS), partner)
}

fn rules(more: &Value) -> Rules {
    let mut plan = json!({"window_days": 30, "sale": {"rate_bps": 1_000}});
    for (name, value) in more.as_object().unwrap() {
        plan[name] = value.clone();
    }
    Rules::read(Fields::new(plan.as_object().unwrap(), "")).unwrap()
}

fn change(partner: Option<u64>, at: UnixMs, active: bool, kind: Option<&str>) -> StatusChange {
    StatusChange {
        partner: partner.map(PartnerId::from_number),
        at,
        active,
        kind: kind.map(str::to_owned),
    }
}

fn considered(all: Vec<Considered>, plan: &Value, changes: &[StatusChange]) -> Vec<Considered> {
    let rules = rules(plan);
    let terms = Terms {
        event: "ev_1",
        kind: EventKind::Sale,
        at: NOW,
        rules: &rules,
        standing: Standing(changes),
    };
    attribute(&all, &terms)
}

fn clicks(touches: Vec<TouchRecord>) -> Vec<Considered> {
    let touches = touches.into_iter().map(|touch| (touch, Source::Token));
    distinct(touches, ProgramId::from_number(1))
}

fn with_codes(touches: Vec<TouchRecord>, codes: &[(&str, u64, i64)]) -> Vec<Considered> {
    let mut all = clicks(touches);
    for (event, partner, ms) in codes {
        let partner = PartnerId::from_number(*partner);
        all.push(Considered::of_code("SAVE", partner, event, NOW.plus(*ms)));
    }
    sort(&mut all);
    all
}

fn verdicts(all: Vec<Considered>, plan: &Value, changes: &[StatusChange]) -> Vec<Verdict> {
    let seen = considered(all, plan, changes);
    let total: u32 = seen.iter().map(|touch| touch.share_bps).sum();
    let won = seen.iter().any(|touch| touch.verdict == Verdict::Won);
    assert_eq!(total, if won { 10_000 } else { 0 });
    seen.into_iter().map(|touch| touch.verdict).collect()
}

use Verdict::{
    AfterEvent, ClassEarnsNothing, CodeFirst, ConsentTooNarrow, LinkFirst, MayNotDisplace, NoShare,
    OutsideWindow, PartnerSuspended, ProgramPaused, StoodDown, Won,
};

#[test]
fn the_last_touch_inside_the_window_wins() {
    let touches = vec![
        days_before(1, 31, 1),
        days_before(2, 5, 2),
        days_before(3, 9, 3),
        record(4, NOW.plus(1), 4),
    ];
    let said = verdicts(clicks(touches), &json!({}), &[]);
    assert_eq!(said, [OutsideWindow, NoShare, Won, AfterEvent]);
}

#[test]
fn the_border_of_the_window_still_counts() {
    let border = vec![days_before(1, 30, 1)];
    assert_eq!(verdicts(clicks(border), &json!({}), &[]), [Won]);
    let late = vec![record(1, NOW.plus(-30 * DAY_MS - 1), 1)];
    assert_eq!(verdicts(clicks(late), &json!({}), &[]), [OutsideWindow]);
}

#[test]
fn windows_are_of_the_kind_of_event_and_of_the_kind_of_partner() {
    let touches = || clicks(vec![days_before(1, 8, 1), days_before(2, 3, 2)]);
    let coupon = [change(
        Some(2),
        NOW.plus(-99 * DAY_MS),
        true,
        Some("coupon"),
    )];
    let plan = json!({"windows": {"sale": 7},
        "partner_kinds": {"coupon": {"window_days": 2}}});
    assert_eq!(verdicts(touches(), &plan, &[]), [OutsideWindow, Won]);
    assert_eq!(
        verdicts(touches(), &plan, &coupon),
        [OutsideWindow, OutsideWindow]
    );
}

#[test]
fn a_suspended_partner_earns_nothing_from_its_date_on() {
    let touches = || clicks(vec![days_before(1, 9, 1), days_before(2, 5, 2)]);
    let at = |days: i64| NOW.plus(-days * DAY_MS);
    let now = [change(Some(2), NOW, false, None)];
    assert_eq!(
        verdicts(touches(), &json!({}), &now),
        [Won, PartnerSuspended]
    );
    let later = [change(Some(2), NOW.plus(1), false, None)];
    assert_eq!(verdicts(touches(), &json!({}), &later), [NoShare, Won]);
    let back = [
        change(Some(2), at(9), false, None),
        change(Some(2), at(5), true, None),
    ];
    assert_eq!(verdicts(touches(), &json!({}), &back), [NoShare, Won]);
    let paused = [
        change(None, at(9), false, None),
        change(None, at(6), true, None),
    ];
    assert_eq!(
        verdicts(touches(), &json!({}), &paused),
        [ProgramPaused, Won]
    );
}

#[test]
fn classes_that_are_no_person_and_narrow_consent_earn_nothing() {
    let mut touches = clicks(vec![days_before(1, 9, 1), days_before(2, 5, 2)]);
    touches[1].class = Class::Crawler;
    touches[0].consent = Consent::Session;
    let full = json!({"consent": "full"});
    assert_eq!(
        verdicts(touches.clone(), &full, &[]),
        [ConsentTooNarrow, ClassEarnsNothing]
    );
    assert_eq!(verdicts(touches, &json!({}), &[]), [Won, ClassEarnsNothing]);
}

#[test]
fn clicks_at_the_checkout_or_seconds_before_step_back_for_another_partner_only() {
    let late = |partner| record(2, NOW.plus(-9_999), partner);
    let plain = json!({});
    let two = || clicks(vec![days_before(1, 5, 1), late(2)]);
    assert_eq!(verdicts(two(), &plain, &[]), [Won, StoodDown]);
    assert_eq!(verdicts(clicks(vec![late(2)]), &plain, &[]), [Won]);
    let own = clicks(vec![days_before(1, 5, 2), late(2)]);
    assert_eq!(verdicts(own, &plain, &[]), [NoShare, Won]);
    let off = json!({"stand_down": {"seconds": 9, "checkout": false}});
    assert_eq!(verdicts(two(), &off, &[]), [NoShare, Won]);
    let mut checkout = clicks(vec![days_before(1, 5, 1), days_before(2, 1, 2)]);
    checkout[1].checkout = true;
    assert_eq!(verdicts(checkout.clone(), &plain, &[]), [Won, StoodDown]);
    assert_eq!(verdicts(checkout, &off, &[]), [NoShare, Won]);
}

#[test]
fn a_coupon_site_does_not_displace_a_content_partner() {
    let plan = json!({"partner_kinds": {"coupon": {"may_displace": false}}});
    let coupon = [change(Some(2), NOW, true, Some("coupon"))];
    let both = clicks(vec![days_before(1, 9, 1), days_before(2, 5, 2)]);
    assert_eq!(verdicts(both, &plan, &coupon), [Won, MayNotDisplace]);
    let alone = clicks(vec![days_before(2, 5, 2)]);
    assert_eq!(verdicts(alone, &plan, &coupon), [Won]);
}

#[test]
fn a_code_goes_before_links_after_them_or_beside_them() {
    let all = || {
        with_codes(
            vec![days_before(1, 9, 1)],
            &[("ev_0", 3, -5), ("ev_1", 2, 0)],
        )
    };
    let said = |rule: &str| verdicts(all(), &json!({"code": rule}), &[]);
    assert_eq!(said("before_links"), [CodeFirst, CodeFirst, Won]);
    assert_eq!(said("after_links"), [Won, LinkFirst, LinkFirst]);
    assert_eq!(said("as_touch"), [NoShare, NoShare, Won]);
    let other_event = with_codes(vec![days_before(1, 9, 1)], &[("ev_0", 3, -5)]);
    let said = verdicts(other_event, &json!({}), &[]);
    assert_eq!(
        said,
        [NoShare, Won],
        "an earlier code is a touch like any other"
    );
}

#[test]
fn several_touches_share() {
    let touches = clicks(vec![
        days_before(1, 9, 1),
        days_before(2, 5, 2),
        days_before(3, 1, 3),
    ]);
    let seen = considered(touches, &json!({"model": "position"}), &[]);
    let shares: Vec<u32> = seen.iter().map(|touch| touch.share_bps).collect();
    assert_eq!(shares, [4_000, 2_000, 4_000]);
}

#[test]
fn of_very_many_touches_the_first_and_the_newest_are_considered() {
    let many = (0..200u8).map(|n| record(n, NOW.plus(i64::from(n) * 1_000 - 180_000), 1));
    let seen = considered(clicks(many.collect()), &json!({"model": "first"}), &[]);
    assert_eq!(seen.len(), 110);
    assert_eq!(seen[0].verdict, Won);
    assert_eq!(seen[0].at, NOW.plus(-180_000));
    assert_eq!(seen[99].at, NOW);
}

#[test]
fn order_of_arrival_and_repeats_do_not_matter() {
    let same_instant = [record(1, NOW, 1), record(2, NOW, 2), record(1, NOW, 1)];
    let forward = clicks(same_instant.to_vec());
    let backward = clicks(same_instant.into_iter().rev().collect());
    assert_eq!(forward.len(), 2);
    assert_eq!(forward, backward);
}

#[test]
fn touches_of_another_program_are_not_seen() {
    let foreign = TouchRecord {
        program: ProgramId::from_number(9),
        ..record(1, NOW, 1)
    };
    assert!(clicks(vec![foreign]).is_empty());
}
