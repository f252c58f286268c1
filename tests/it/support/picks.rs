//! Random choices from any source of numbers: proptest's lists, which it can make smaller, or a
//! seed. Zero is always the plainest choice.

pub struct Picks<'a>(pub &'a mut dyn FnMut() -> u64);

impl Picks<'_> {
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.0)() % bound.max(1)
    }

    /// Seldom yes.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == of - 1
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// A source that gives the numbers of a list, and zero when they are over.
pub fn listed(numbers: &[u16]) -> impl FnMut() -> u64 {
    let numbers = numbers.to_vec();
    let mut place = 0;
    move || {
        place += 1;
        numbers
            .get(place - 1)
            .map_or(0, |number| u64::from(*number))
    }
}

/// Splitmix64: small, seeded, the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() as u64) as usize)
    }
}
