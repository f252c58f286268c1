//! Clicks of every kind, made without the edge: tokens minted with the deployment's key, and the
//! visits that the edge would have put onto the queue.

use domain::values::ids::{LinkId, PartnerId, ProgramId};
use domain::values::seal::Keyring;
use domain::values::time::UnixMs;
use domain::visit::click::{ClickIdRecord, TouchRecord, Visit, VisitKind};
use domain::visit::click_ids::ClickIdKind;
use domain::visit::consent::{Consent, Evidence};
use domain::visit::token::{Marks, Touch, mint};
use domain::visit::traffic::Class;
use std::num::NonZeroU64;

const HOUR: i64 = 3_600_000;

/// A click with its token and what the queue brings of it.
pub struct Made {
    pub at: i64,
    pub token: String,
    pub touch: TouchRecord,
    /// The click, and where the visitor agreed later the grant: messages of their own.
    pub visits: Vec<Visit>,
}

/// What is special about a click.
#[derive(Clone, Copy, Default)]
pub struct Kind {
    /// Hours after the start.
    pub hours: i64,
    pub partner: usize,
    /// Places of the clicks in the journal.
    pub earlier: &'static [usize],
    pub checkout: bool,
    pub consent: u8,
    pub anonymous: bool,
    pub class: u8,
    pub paid: bool,
    pub referrer: Option<&'static str>,
    pub granted: bool,
}

const FULL: Kind = Kind {
    hours: 0,
    partner: 0,
    earlier: &[],
    checkout: false,
    consent: 2,
    anonymous: false,
    class: 0,
    paid: false,
    referrer: None,
    granted: false,
};

/// Ten clicks over two months: of all partners, with journals, without consent, at the checkout,
/// from paid search and forbidden hosts, two at one instant.
pub const TEN: [Kind; 10] = [
    FULL,
    Kind {
        hours: 7,
        partner: 1,
        paid: true,
        ..FULL
    },
    Kind {
        hours: 100,
        earlier: &[0, 1],
        ..FULL
    },
    Kind {
        hours: 100,
        partner: 1,
        ..FULL
    },
    Kind {
        hours: 160,
        partner: 2,
        checkout: true,
        ..FULL
    },
    Kind {
        hours: 168,
        anonymous: true,
        consent: 0,
        ..FULL
    },
    Kind {
        hours: 300,
        partner: 1,
        consent: 1,
        granted: true,
        ..FULL
    },
    Kind {
        hours: 500,
        partner: 2,
        earlier: &[1, 2],
        referrer: Some("a.bad.example"),
        ..FULL
    },
    Kind {
        hours: 900,
        partner: 3,
        class: 1,
        ..FULL
    },
    Kind {
        hours: 1_400,
        partner: 0,
        earlier: &[7, 8],
        ..FULL
    },
];

/// Makes the clicks; `salt` makes those of one customer different from another's.
pub fn make(
    keys: &Keyring,
    program: ProgramId,
    partners: &[PartnerId],
    start: UnixMs,
    salt: u64,
) -> Vec<Made> {
    let mut made: Vec<Made> = Vec::new();
    for (place, kind) in TEN.iter().enumerate() {
        let one = one(
            keys,
            program,
            partners,
            start,
            salt * 64 + place as u64 + 1,
            *kind,
            &made,
        );
        made.push(one);
    }
    made
}

fn one(
    keys: &Keyring,
    program: ProgramId,
    partners: &[PartnerId],
    start: UnixMs,
    number: u64,
    kind: Kind,
    before: &[Made],
) -> Made {
    let marks = Marks::default();
    let partner = partners[kind.partner % partners.len()];
    let touch = Touch {
        at: start.plus(kind.hours * HOUR + 59_900),
        program,
        link: LinkId::from_number(partner.number() ^ (number % 2)),
        partner,
        variant: 0,
        class: [Class::Human, Class::Flood][usize::from(kind.class)],
        marks: if kind.checkout {
            marks.with(Marks::CHECKOUT)
        } else {
            marks
        },
        consent: [Consent::Code, Consent::Session, Consent::Full][usize::from(kind.consent)],
        evidence: Evidence::Default,
        nonce: NonZeroU64::new(number),
    };
    let touch = if kind.anonymous {
        touch.anonymous()
    } else {
        touch
    };
    let record = TouchRecord::from(&touch);
    let mut entropy = [0; 24];
    entropy[..8].copy_from_slice(&number.to_be_bytes());
    let earlier = kind
        .earlier
        .iter()
        .map(|place| before[*place].touch.clone());
    let visit = Visit {
        earlier: earlier.collect(),
        click_ids: if kind.paid {
            vec![search(touch.at)]
        } else {
            Vec::new()
        },
        referrer: kind.referrer.map(str::to_owned),
        ..Visit::new(VisitKind::Click, number, &touch, None)
    };
    let mut visits = vec![visit];
    if kind.granted {
        let wider = Touch {
            consent: Consent::Full,
            ..touch
        };
        visits.push(Visit::new(VisitKind::Grant, number + 32, &wider, None));
    }
    Made {
        at: touch.at.0,
        token: mint(keys, &touch, entropy),
        touch: record,
        visits,
    }
}

fn search(at: UnixMs) -> ClickIdRecord {
    ClickIdRecord {
        kind: ClickIdKind::Gclid,
        at,
        value: "Cj0".to_owned(),
    }
}
