//! What an order consisted of, as destinations are told it; of a refund as far as its own call or
//! its sale says it.

use crate::domain::destination::{Parts, Product, unless_mail};
use crate::domain::event::{Line, Named, Order};
use crate::domain::money::Money;

/// The sale that a reversal is about.
#[derive(Clone, Copy)]
pub(super) struct Sold<'a> {
    pub(super) order: &'a Order,
    pub(super) money: Money,
}

/// The parts of `amount`. Of a reversal those that it names; what is left of its amount has its
/// share of the sale's other parts, so that a refund of the whole sale has exactly the sale's
/// parts. Lines that are named have their tax.
pub(super) fn parts(order: &Order, amount: Money, sold: Option<Sold<'_>>) -> Parts {
    let sold = sold.filter(|sold| sold.money.currency() == amount.currency());
    let Some(sold) = sold else {
        return of_order(order, amount);
    };
    let named = order.named.unwrap_or_default();
    if order.lines.is_empty() {
        return shares(named, amount, sold);
    }
    let lines = products(order, amount, Some(sold));
    let taxes = lines
        .iter()
        .filter_map(|product| Some(product.tax?.amount_minor()));
    let discounts = order.lines.iter().map(|line| line.discount);
    Parts {
        tax: part(named.tax.unwrap_or(0) + taxes.sum::<i64>(), amount),
        shipping: part(named.shipping.unwrap_or(0), amount),
        discount: part(named.discount.unwrap_or(0) + discounts.sum::<i64>(), amount),
    }
}

/// What a reversal names, and of the rest of its amount the share of what it does not name.
fn shares(named: Named, amount: Money, sold: Sold<'_>) -> Parts {
    let whole = of_order(sold.order, sold.money);
    let minor = |part: Option<Money>| part.map_or(0, Money::amount_minor);
    let of_whole = |named: Option<i64>, part| named.map_or(0, |_| minor(part));
    let rest = amount.amount_minor() - named.tax.unwrap_or(0) - named.shipping.unwrap_or(0);
    let base = sold.money.amount_minor()
        - of_whole(named.tax, whole.tax)
        - of_whole(named.shipping, whole.shipping);
    let told = |named: Option<i64>, whole| {
        let shared = || share(minor(whole), rest, base).unwrap_or(0);
        part(named.unwrap_or_else(shared), amount)
    };
    Parts {
        tax: told(named.tax, whole.tax),
        shipping: told(named.shipping, whole.shipping),
        discount: told(named.discount, whole.discount),
    }
}

fn of_order(order: &Order, amount: Money) -> Parts {
    let named = order.named.unwrap_or_default();
    let lines = |of: fn(&Line) -> i64| order.lines.iter().map(of).sum::<i64>();
    let tax = order.tax + named.tax.unwrap_or(0) + lines(|line| line.tax);
    let discount = order.discount + named.discount.unwrap_or(0) + lines(|line| line.discount);
    Parts {
        tax: part(tax, amount),
        shipping: part(order.shipping + named.shipping.unwrap_or(0), amount),
        discount: part(discount, amount),
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
            named: None,
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
        let naming = |named| Order {
            named: Some(named),
            ..Order::default()
        };
        let shipping = |shipping| {
            naming(Named {
                shipping: Some(shipping),
                ..Named::default()
            })
        };
        // Shipping alone, and goods alone: 85.00 of goods with 15.00 of tax.
        assert_eq!(minor(parts(&shipping(500), usd(500), sold)), [0, 500, 0]);
        assert_eq!(
            minor(parts(&shipping(0), usd(8_500), sold)),
            [1_500, 0, 500]
        );
        let tax = naming(Named {
            tax: Some(7),
            ..Named::default()
        });
        assert_eq!(minor(parts(&tax, usd(7), sold)), [7, 0, 0]);
        assert_eq!(minor(parts(&tax, usd(7), None)), [7, 0, 0]);
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
