//! Reading a plan: every fault is named by its path. A member that is not known is refused, since a
//! misspelt rule would move money.

use super::super::attribution_model::Model;
use super::super::consent::Consent;
use super::super::event::EventKind;
use super::super::ids::PartnerId;
use super::super::input::{FieldError, Fields};
use super::super::limits;
use super::super::money::{BPS_WHOLE, MAX_MINOR, Money};
use super::{
    Base, Binding, Caps, CodeRule, Commission, Commissions, KindTerms, Rates, Review, Rules,
    StandDown, Table,
};
use serde_json::Value;

const MEMBERS: [&str; 25] = [
    "window_days",
    "windows",
    "partner_kinds",
    "model",
    "half_life_days",
    "code",
    "binding",
    "stand_down",
    "consent",
    "house",
    "lead",
    "milestones",
    "sale",
    "deal",
    "renewal",
    "reactivation",
    "click",
    "partners",
    "base",
    "minimum",
    "hold_days",
    "caps",
    "review",
    "payout_currency",
    "note",
];
const COMMISSIONS: [&str; 7] = [
    "lead",
    "milestones",
    "sale",
    "deal",
    "renewal",
    "reactivation",
    "click",
];
const CONSENTS: [(&str, Consent); 3] = [
    ("code", Consent::Code),
    ("session", Consent::Session),
    ("full", Consent::Full),
];
const CODES: [(&str, CodeRule); 3] = [
    ("before_links", CodeRule::BeforeLinks),
    ("after_links", CodeRule::AfterLinks),
    ("as_touch", CodeRule::AsTouch),
];
/// The longest window: as old as a touch may get.
const WINDOW_DAYS: i64 = 400;

impl Rules {
    /// Reads rules from a request body.
    pub fn read(mut fields: Fields<'_>) -> Result<Rules, Vec<FieldError>> {
        require_click_cap(&mut fields);
        Rules::stored(fields)
    }

    /// Reads rules from where they are stored. Those that were stored before paid clicks had to
    /// have a cap go on without one.
    pub fn stored(mut fields: Fields<'_>) -> Result<Rules, Vec<FieldError>> {
        fields.only(&MEMBERS);
        let window = fields.required_integer("window_days", 1, WINDOW_DAYS);
        let commissions = commissions(&mut fields);
        let partners = partners(&mut fields);
        if commissions.is_empty() && partners.is_empty() {
            fields.fault(
                "sale",
                "required",
                "a plan pays for something: sales, leads, …",
            );
        }
        let rules = window.map(|days| Rules {
            window_days: narrow(days),
            windows: windows(&mut fields),
            partner_kinds: partner_kinds(&mut fields),
            model: model(&mut fields),
            code: fields
                .choice("code", &CODES)
                .unwrap_or(CodeRule::BeforeLinks),
            binding: binding(&mut fields),
            stand_down: stand_down(&mut fields),
            consent: fields.choice("consent", &CONSENTS).unwrap_or(Consent::Code),
            house: house(&mut fields),
            commissions,
            partners,
            base: base(&mut fields),
            minimum: money(&mut fields, "minimum"),
            hold_days: fields.integer("hold_days", 0, 365).map_or(0, narrow),
            caps: caps(&mut fields),
            review: review(&mut fields),
            payout_currency: fields.currency("payout_currency"),
        });
        fields.text("note", limits::NAME_CHARS);
        fields.finish(rules)
    }
}

/// Clicks cost nobody anything but the merchant, so what pays for them says how many it pays for.
fn require_click_cap(fields: &mut Fields<'_>) {
    let pays = |commissions: &Value| !commissions["click"].is_null();
    let own = fields.value("partners").and_then(Value::as_object);
    let own = own.is_some_and(|partners| partners.values().any(pays));
    let given = fields.value("caps").and_then(|caps| caps.get("clicks"));
    if (own || fields.value("click").is_some()) && given.is_none_or(Value::is_null) {
        let detail =
            "what pays for clicks names how many of a partner are paid in a month, or \"none\"";
        fields.fault("caps/clicks", "required", detail);
    }
}

/// A number that was checked to be small.
fn narrow<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

fn windows(parent: &mut Fields<'_>) -> Table<EventKind, u16> {
    let mut windows = Vec::new();
    if let Some(mut fields) = parent.object("windows") {
        let kinds = EventKind::ALL
            .into_iter()
            .filter(|kind| !kind.is_reversal());
        let kinds: Vec<EventKind> = kinds.collect();
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        fields.only(&names);
        for kind in kinds {
            let days = fields.integer(kind.name(), 1, WINDOW_DAYS);
            windows.extend(days.map(|days| (kind, narrow(days))));
        }
        parent.absorb(fields.finish(Some(())));
    }
    windows
}

fn partner_kinds(parent: &mut Fields<'_>) -> Table<String, KindTerms> {
    let mut kinds = Vec::new();
    if let Some(mut fields) = parent.object("partner_kinds") {
        for name in fields.names(limits::PLAN_NAMES) {
            let Some(mut one) = fields.object(name) else {
                continue;
            };
            one.only(&["window_days", "may_displace"]);
            let terms = KindTerms {
                window_days: one.integer("window_days", 1, WINDOW_DAYS).map(narrow),
                may_displace: one.boolean("may_displace").unwrap_or(true),
            };
            let read = fields.absorb(one.finish(Some(terms)));
            kinds.extend(read.map(|terms| (name.to_owned(), terms)));
        }
        parent.absorb(fields.finish(Some(())));
    }
    kinds
}

fn model(fields: &mut Fields<'_>) -> Model {
    let half_life = fields.integer("half_life_days", 1, WINDOW_DAYS);
    let half_life_days = half_life.map_or(7, narrow);
    let models = [
        Model::First,
        Model::Last,
        Model::Linear,
        Model::Position,
        Model::TimeDecay { half_life_days },
    ];
    let choices = models.map(|model| (model.name(), model));
    fields.choice("model", &choices).unwrap_or(Model::Last)
}

fn binding(parent: &mut Fields<'_>) -> Option<Binding> {
    let mut fields = parent.object("binding")?;
    fields.only(&["months", "lapse_days"]);
    let binding = Binding {
        months: fields.integer("months", 1, 120).map(narrow),
        lapse_days: fields.integer("lapse_days", 1, 3_650).map(narrow),
    };
    parent.absorb(fields.finish(Some(binding)))
}

fn stand_down(parent: &mut Fields<'_>) -> StandDown {
    let mut stand_down = StandDown {
        seconds: limits::STAND_DOWN_SECONDS,
        checkout: true,
    };
    if let Some(mut fields) = parent.object("stand_down") {
        fields.only(&["seconds", "checkout"]);
        if let Some(seconds) = fields.integer("seconds", 0, 86_400) {
            stand_down.seconds = narrow(seconds);
        }
        stand_down.checkout = fields.boolean("checkout").unwrap_or(true);
        parent.absorb(fields.finish(Some(())));
    }
    stand_down
}

fn house(fields: &mut Fields<'_>) -> Option<PartnerId> {
    let text = fields.text("house", 30)?;
    let partner = PartnerId::parse(text);
    if partner.is_none() {
        fields.fault("house", "not_an_id", "must be the id of a partner: pn_…");
    }
    partner
}

fn partners(parent: &mut Fields<'_>) -> Table<PartnerId, Commissions> {
    let mut all = Vec::new();
    if let Some(mut fields) = parent.object("partners") {
        for name in fields.names(limits::PLAN_PARTNERS) {
            let Some(id) = PartnerId::parse(name) else {
                fields.fault(name, "not_an_id", "must be the id of a partner: pn_…");
                continue;
            };
            if let Some(mut one) = fields.object(name) {
                one.only(&COMMISSIONS);
                let own = commissions(&mut one);
                let read = fields.absorb(one.finish(Some(own)));
                all.extend(read.map(|own| (id, own)));
            }
        }
        parent.absorb(fields.finish(Some(())));
    }
    all
}

fn base(parent: &mut Fields<'_>) -> Base {
    let mut base = Base {
        tax: true,
        shipping: true,
        discount: false,
    };
    if let Some(mut fields) = parent.object("base") {
        fields.only(&["tax", "shipping", "discount"]);
        base = Base {
            tax: fields.boolean("tax").unwrap_or(true),
            shipping: fields.boolean("shipping").unwrap_or(true),
            discount: fields.boolean("discount").unwrap_or(false),
        };
        parent.absorb(fields.finish(Some(())));
    }
    base
}

fn caps(parent: &mut Fields<'_>) -> Caps {
    let mut caps = Caps::default();
    if let Some(mut fields) = parent.object("caps") {
        fields.only(&["customer", "partner", "clicks"]);
        let uncapped = fields
            .value("clicks")
            .is_some_and(|clicks| clicks == "none");
        let clicks = if uncapped {
            None
        } else {
            fields.integer("clicks", 0, 1_000_000_000)
        };
        caps = Caps {
            customer: money(&mut fields, "customer"),
            partner: money(&mut fields, "partner"),
            clicks: clicks.map(narrow),
        };
        parent.absorb(fields.finish(Some(())));
    }
    caps
}

fn review(parent: &mut Fields<'_>) -> Review {
    let mut review = Review {
        min_seconds: limits::REVIEW_SECONDS,
        token_customers: limits::TOKEN_CUSTOMERS,
        duplicate_minutes: limits::DUPLICATE_MINUTES,
        self_referral: true,
        paid_search: true,
        referrers: Vec::new(),
    };
    if let Some(mut fields) = parent.object("review") {
        fields.only(&[
            "min_seconds",
            "token_customers",
            "duplicate_minutes",
            "self_referral",
            "paid_search",
            "referrers",
        ]);
        let mut number =
            |name, standard: u32, max| fields.integer(name, 0, max).map_or(standard, narrow);
        review.min_seconds = number("min_seconds", review.min_seconds, 86_400);
        review.token_customers = number("token_customers", review.token_customers, 1_000_000);
        review.duplicate_minutes = number("duplicate_minutes", review.duplicate_minutes, 43_200);
        review.self_referral = fields.boolean("self_referral").unwrap_or(true);
        review.paid_search = fields.boolean("paid_search").unwrap_or(true);
        let hosts = fields.texts("referrers", limits::PLAN_NAMES);
        let hosts = hosts.unwrap_or_default().into_iter();
        review.referrers = hosts.map(str::to_ascii_lowercase).collect();
        parent.absorb(fields.finish(Some(())));
    }
    review
}

fn commissions(fields: &mut Fields<'_>) -> Commissions {
    let mut milestones = Vec::new();
    if let Some(mut named) = fields.object("milestones") {
        for name in named.names(limits::PLAN_NAMES) {
            let read = commission(&mut named, name, false);
            milestones.extend(read.map(|read| (name.to_owned(), read)));
        }
        fields.absorb(named.finish(Some(())));
    }
    Commissions {
        lead: commission(fields, "lead", false),
        milestones,
        sale: commission(fields, "sale", true),
        deal: commission(fields, "deal", true),
        renewal: commission(fields, "renewal", true),
        reactivation: commission(fields, "reactivation", false),
        click: click(fields),
    }
}

fn click(parent: &mut Fields<'_>) -> Option<Money> {
    let mut fields = parent.object("click")?;
    fields.only(&["flat"]);
    if fields.value("flat").is_none() {
        fields.fault("flat", "required", "is required");
    }
    let flat = money(&mut fields, "flat");
    parent.absorb(fields.finish(flat))
}

/// Reads what one kind of event earns; `paid`: the event has an amount.
fn commission(parent: &mut Fields<'_>, name: &str, paid: bool) -> Option<Commission> {
    let mut fields = parent.object(name)?;
    fields.only(&[
        "rate_bps",
        "flat",
        "returning",
        "months",
        "by_sku",
        "by_category",
    ]);
    let rates = rates(&mut fields);
    let returning = fields.object("returning").and_then(|mut nested| {
        nested.only(&["rate_bps", "flat"]);
        let rates = self::rates(&mut nested);
        fields.absorb(nested.finish(Some(rates)))
    });
    let commission = Commission {
        rates,
        returning,
        months: fields.integer("months", 1, 120).map(narrow),
        by_sku: table(&mut fields, "by_sku"),
        by_category: table(&mut fields, "by_category"),
    };
    let pays = |rates: Rates| rates.rate_bps > 0 || rates.flat.is_some_and(|flat| !flat.is_zero());
    let mut by_line = commission.by_sku.iter().chain(&commission.by_category);
    let by_line = by_line.any(|(_, bps)| *bps > 0);
    // What was given and is wrong is told already.
    if fields.is_sound() && !pays(rates) && !by_line && !returning.is_some_and(pays) {
        fields.fault("rate_bps", "required", "give a rate, a flat sum, or both");
    }
    let rated = rates.rate_bps > 0 || returning.is_some_and(|r| r.rate_bps > 0) || by_line;
    if !paid && rated {
        fields.fault(
            "rate_bps",
            "rate_without_amount",
            "has no amount: use a flat sum",
        );
    }
    if commission.months.is_some() && !paid {
        let detail = "belongs to sales, deals and renewals";
        fields.fault("months", "only_purchases", detail);
    }
    parent.absorb(fields.finish(Some(commission)))
}

fn rates(fields: &mut Fields<'_>) -> Rates {
    let rate = fields.integer("rate_bps", 0, i64::from(BPS_WHOLE));
    Rates {
        rate_bps: rate.map_or(0, narrow),
        flat: money(fields, "flat"),
    }
}

fn table(parent: &mut Fields<'_>, name: &str) -> Table<String, u32> {
    let mut rates = Vec::new();
    if let Some(mut fields) = parent.object(name) {
        for key in fields.names(limits::PLAN_NAMES) {
            let rate = fields.integer(key, 0, i64::from(BPS_WHOLE));
            rates.extend(rate.map(|rate| (key.to_owned(), narrow(rate))));
        }
        parent.absorb(fields.finish(Some(())));
    }
    rates
}

fn money(parent: &mut Fields<'_>, name: &str) -> Option<Money> {
    let mut fields = parent.object(name)?;
    fields.only(&["amount", "currency"]);
    let amount = fields.required_integer("amount", 0, MAX_MINOR);
    if fields.value("currency").is_none() {
        fields.fault("currency", "required", "is required");
    }
    let currency = fields.currency("currency");
    let both = amount.zip(currency);
    let money = both.and_then(|(amount, currency)| Money::new(amount, currency).ok());
    parent.absorb(fields.finish(money))
}
