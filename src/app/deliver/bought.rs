//! What an order consisted of, as destinations are told it; of a refund as far as its own call or
//! its sale says it.

use crate::domain::destination::{Parts, Product, unless_mail};
use crate::domain::event::{Line, Order};
use crate::domain::money::Money;

/// The sale that a reversal is about.
#[derive(Clone, Copy)]
pub(super) struct Sold<'a> {
    pub(super) order: &'a Order,
    pub(super) money: Money,
}

/// The parts of `amount`. A reversal that names none takes back its share of the sale's: of the
/// lines that it names their tax, else of everything, so that a refund of the whole sale has
/// exactly the sale's parts.
pub(super) fn parts(order: &Order, amount: Money, sold: Option<Sold<'_>>) -> Parts {
    let told = of_order(order, amount);
    let sold = sold.filter(|sold| sold.money.currency() == amount.currency());
    let Some(sold) = sold.filter(|_| told == Parts::default()) else {
        return told;
    };
    if order.lines.is_empty() {
        let share = |part: Option<Money>| {
            let (part_of, whole) = (amount.amount_minor(), sold.money.amount_minor());
            part?
                .pro_rata(part_of, whole)
                .ok()
                .filter(|part| !part.is_zero())
        };
        let whole = of_order(sold.order, sold.money);
        return Parts {
            tax: share(whole.tax),
            shipping: share(whole.shipping),
            discount: share(whole.discount),
        };
    }
    let taxes = products(order, amount, Some(sold));
    let taxes = taxes
        .iter()
        .filter_map(|product| Some(product.tax?.amount_minor()));
    Parts {
        tax: part(taxes.sum(), amount),
        ..Parts::default()
    }
}

fn of_order(order: &Order, amount: Money) -> Parts {
    let lines = |of: fn(&Line) -> i64| order.lines.iter().map(of).sum::<i64>();
    Parts {
        tax: part(order.tax + lines(|line| line.tax), amount),
        shipping: part(order.shipping, amount),
        discount: part(order.discount + lines(|line| line.discount), amount),
    }
}

/// Nothing is not told.
fn part(minor: i64, amount: Money) -> Option<Money> {
    let part = Money::new(minor, amount.currency()).ok();
    part.filter(|part| !part.is_zero())
}

/// The lines that name a product.
pub(super) fn products(order: &Order, amount: Money, sold: Option<Sold<'_>>) -> Vec<Product> {
    let mut products = Vec::new();
    for line in &order.lines {
        let sku = unless_mail(line.sku.as_deref()).filter(|sku| !sku.is_empty());
        let Some(sku) = sku.filter(|_| line.amount.is_none_or(|amount| amount >= 0)) else {
            continue;
        };
        let line = match sold {
            Some(sold) => given_back(line, sold.order),
            None => Line {
                quantity: line.quantity.or(Some(1)),
                ..line.clone()
            },
        };
        products.push(Product {
            sku: sku.to_owned(),
            category: unless_mail(line.category.as_deref())
                .filter(|category| !category.is_empty())
                .map(str::to_owned),
            quantity: line.quantity,
            amount: line
                .amount
                .and_then(|all| Money::new(all, amount.currency()).ok()),
            tax: part(line.tax, amount),
        });
    }
    products
}

/// A line of a reversal, completed from the sale's line of the same product: without quantity and
/// amount it is about all of it, by one of them about that share.
fn given_back(line: &Line, sale: &Order) -> Line {
    let mut line = line.clone();
    let mut bought = sale.lines.iter();
    let Some(bought) = bought.find(|bought| bought.sku == line.sku) else {
        return line;
    };
    line.category = line.category.or_else(|| bought.category.clone());
    let (pieces, sum) = (bought.quantity.unwrap_or(1), bought.amount.unwrap_or(0));
    if line.quantity.is_none() && line.amount.is_none() {
        line.quantity = Some(pieces);
    }
    if let (Some(quantity), None) = (line.quantity, line.amount) {
        line.amount = share(sum, quantity, pieces);
    }
    if line.tax == 0
        && let Some(amount) = line.amount
    {
        line.tax = share(bought.tax, amount, sum).unwrap_or(0);
    }
    line
}

/// `part / whole` of an amount, rounded down; `None` where there is no such share.
fn share(amount: i64, part: i64, whole: i64) -> Option<i64> {
    let sound = whole > 0 && (0..=whole).contains(&part);
    let shared = i128::from(amount) * i128::from(part) / i128::from(whole.max(1));
    i64::try_from(shared).ok().filter(|_| sound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn usd(amount: i64) -> Money {
        Money::new(amount, Currency::parse("USD").unwrap()).unwrap()
    }

    /// 100.00 paid: 2 × 30.00 of tea with 10.00 tax, 20.00 of cake, 15.00 shipping, 5.00 tax of it.
    fn order() -> Order {
        let line = |sku: &str, quantity, amount, tax| Line {
            sku: Some(sku.to_owned()),
            category: Some("food".to_owned()),
            quantity,
            amount: Some(amount),
            tax,
            discount: 100,
        };
        Order {
            lines: vec![
                line("tea", Some(2), 6_000, 1_000),
                line("cake", None, 2_000, 0),
            ],
            tax: 500,
            shipping: 1_500,
            discount: 300,
        }
    }

    fn minor(parts: Parts) -> [i64; 3] {
        [parts.tax, parts.shipping, parts.discount].map(|part| part.map_or(0, Money::amount_minor))
    }

    fn reversal(line: Line) -> Order {
        Order {
            lines: vec![line],
            ..Order::default()
        }
    }

    #[test]
    fn a_purchase_has_the_taxes_of_its_lines_and_of_the_rest() {
        assert_eq!(
            minor(parts(&order(), usd(10_000), None)),
            [1_500, 1_500, 500]
        );
        assert_eq!(parts(&Order::default(), usd(5), None), Parts::default());
        let all = products(&order(), usd(10_000), None);
        let prices: Vec<_> = all
            .iter()
            .map(|one| (one.quantity, one.price(), one.net_price()))
            .collect();
        assert_eq!(
            prices,
            [
                (Some(2), Some(usd(3_000)), Some(usd(2_500))),
                (Some(1), Some(usd(2_000)), Some(usd(2_000))),
            ]
        );
        assert_eq!(all[0].category.as_deref(), Some("food"));
    }

    #[test]
    fn a_refund_takes_its_share_of_what_the_sale_consisted_of() {
        let order = order();
        let sold = Some(Sold {
            order: &order,
            money: usd(10_000),
        });
        let of = |amount| minor(parts(&Order::default(), usd(amount), sold));
        assert_eq!(of(10_000), [1_500, 1_500, 500]);
        assert_eq!(of(5_000), [750, 750, 250]);
        let own = Order {
            tax: 7,
            ..Order::default()
        };
        assert_eq!(minor(parts(&own, usd(5_000), sold)), [7, 0, 0]);
        // Another currency is no share of the sale.
        let euro = Money::new(100, Currency::parse("EUR").unwrap()).unwrap();
        assert_eq!(parts(&Order::default(), euro, sold), Parts::default());
    }

    #[test]
    fn lines_given_back_are_completed_from_the_sale() {
        let order = order();
        let sold = Some(Sold {
            order: &order,
            money: usd(10_000),
        });
        let tea = || Line {
            sku: Some("tea".to_owned()),
            ..Line::default()
        };
        for (line, quantity, amount, tax) in [
            (tea(), Some(2), Some(6_000), 1_000),
            (
                Line {
                    quantity: Some(1),
                    ..tea()
                },
                Some(1),
                Some(3_000),
                500,
            ),
            (
                Line {
                    amount: Some(600),
                    ..tea()
                },
                None,
                Some(600),
                100,
            ),
            (
                Line {
                    quantity: Some(9),
                    ..tea()
                },
                Some(9),
                None,
                0,
            ),
            (
                Line {
                    sku: Some("other".into()),
                    ..Line::default()
                },
                None,
                None,
                0,
            ),
        ] {
            let order = reversal(line);
            let one = products(&order, usd(6_000), sold).remove(0);
            assert_eq!(
                (one.quantity, one.amount),
                (quantity, amount.map(usd)),
                "{order:?}"
            );
            assert_eq!(
                minor(parts(&order, usd(6_000), sold)),
                [tax, 0, 0],
                "{order:?}"
            );
        }
        for sku in ["", "a@b.example"] {
            let order = reversal(Line {
                sku: Some(sku.into()),
                ..Line::default()
            });
            assert_eq!(products(&order, usd(1), sold), [], "{sku}");
        }
    }
}
