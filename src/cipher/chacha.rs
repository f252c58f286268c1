//! XChaCha20 on rows of four words.
//!
//! No crate knows WebAssembly's SIMD: the ones there are take four times as many instructions for
//! a block, which was a tenth of what a redirect executes in our code. A row is one SIMD register
//! there and an array elsewhere; everything but [`row`] is the same. The rounds are those of RFC
//! 8439, section 2.3, and the longer nonce is that of draft-irtf-cfrg-xchacha-03, section 2.

use row::{Row, add, lanes, row, turn, words, xor};

/// Half a block of the key stream: as much as the key of the authenticator.
pub(crate) const HALF: usize = 32;
type Block = [[u8; HALF]; 2];
const BLOCK: usize = 2 * HALF;

type State = [Row; 4];
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// The key stream of one message.
pub(crate) struct Stream {
    /// Of the next block.
    state: State,
    /// The block that was made side by side with the authenticator's.
    first: Block,
}

impl Stream {
    /// The authenticator's key, which is the beginning of block 0, and what follows block 0.
    pub(crate) fn new(key: &[u8; 32], nonce: &[u8; 24]) -> ([u8; HALF], Stream) {
        let [k0, k1, k2, k3, k4, k5, k6, k7] = read(key);
        let [n0, n1, n2, n3, n4, n5] = read(nonce);
        let long = [
            row(CONSTANTS),
            row([k0, k1, k2, k3]),
            row([k4, k5, k6, k7]),
            row([n0, n1, n2, n3]),
        ];
        // HChaCha20: the first and the last row after the rounds are the key of this nonce.
        let [[low, _, _, high]] = rounds([long]);
        let state = [row(CONSTANTS), low, high, row([0, 0, n4, n5])];
        let mut stream = Stream {
            state,
            first: Block::default(),
        };
        let [[key, _], first] = stream.blocks();
        stream.first = first;
        (key, stream)
    }

    /// Encrypts a message, or decrypts it.
    pub(crate) fn apply(mut self, message: &mut [u8]) {
        let (begin, rest) = message.split_at_mut(message.len().min(BLOCK));
        mix(begin, &[self.first]);
        for part in rest.chunks_mut(2 * BLOCK) {
            if part.len() > BLOCK {
                mix(part, &self.blocks::<2>());
            } else {
                mix(part, &self.blocks::<1>());
            }
        }
    }

    /// The next blocks, side by side: a processor works on them at the same time. The counter has
    /// 32 bits, more than any memory here has blocks.
    fn blocks<const N: usize>(&mut self) -> [Block; N] {
        let starts = [(); N].map(|()| {
            let [a, b, c, d] = self.state;
            self.state = [a, b, c, add(d, row([1, 0, 0, 0]))];
            [a, b, c, d]
        });
        let mut blocks = [Block::default(); N];
        let ends = rounds(starts);
        let rows = starts.as_flattened().iter().zip(ends.as_flattened());
        let (places, _) = blocks.as_flattened_mut().as_flattened_mut().as_chunks_mut();
        for (place, (start, end)) in places.chunks_exact_mut(4).zip(rows) {
            for (place, word) in place.iter_mut().zip(words(add(*start, *end))) {
                *place = word.to_le_bytes();
            }
        }
        blocks
    }
}

fn mix(message: &mut [u8], blocks: &[Block]) {
    for (byte, with) in message.iter_mut().zip(blocks.as_flattened().as_flattened()) {
        *byte ^= with;
    }
}

fn read<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

/// The twenty rounds: ten times the columns and the diagonals, which are the columns after the
/// lanes of a row have moved.
fn rounds<const N: usize>(mut states: [State; N]) -> [State; N] {
    for _ in 0..10 {
        states = states.map(columns);
        states = states.map(|[a, b, c, d]| [a, lanes::<1>(b), lanes::<2>(c), lanes::<3>(d)]);
        states = states.map(columns);
        states = states.map(|[a, b, c, d]| [a, lanes::<3>(b), lanes::<2>(c), lanes::<1>(d)]);
    }
    states
}

fn columns([a, b, c, d]: State) -> State {
    let a = add(a, b);
    let d = turn::<16>(xor(d, a));
    let c = add(c, d);
    let b = turn::<12>(xor(b, c));
    let a = add(a, b);
    let d = turn::<8>(xor(d, a));
    let c = add(c, d);
    let b = turn::<7>(xor(b, c));
    [a, b, c, d]
}

#[cfg(target_family = "wasm")]
mod row {
    use core::arch::wasm32::{
        u32x4, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_shuffle, v128_or,
    };
    pub(super) use core::arch::wasm32::{u32x4_add as add, v128 as Row, v128_xor as xor};

    pub(super) fn row([a, b, c, d]: [u32; 4]) -> Row {
        u32x4(a, b, c, d)
    }

    pub(super) fn words(row: Row) -> [u32; 4] {
        [
            u32x4_extract_lane::<0>(row),
            u32x4_extract_lane::<1>(row),
            u32x4_extract_lane::<2>(row),
            u32x4_extract_lane::<3>(row),
        ]
    }

    /// Each word turned left by so many bits.
    pub(super) fn turn<const BY: u32>(row: Row) -> Row {
        v128_or(u32x4_shl(row, BY), u32x4_shr(row, 32 - BY))
    }

    /// The words moved left by so many lanes.
    pub(super) fn lanes<const BY: usize>(row: Row) -> Row {
        match BY {
            1 => u32x4_shuffle::<1, 2, 3, 0>(row, row),
            2 => u32x4_shuffle::<2, 3, 0, 1>(row, row),
            _ => u32x4_shuffle::<3, 0, 1, 2>(row, row),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod row {
    pub(super) type Row = [u32; 4];

    pub(super) fn row(words: [u32; 4]) -> Row {
        words
    }

    pub(super) fn words(row: Row) -> [u32; 4] {
        row
    }

    pub(super) fn add([a, b, c, d]: Row, [e, f, g, h]: Row) -> Row {
        [
            a.wrapping_add(e),
            b.wrapping_add(f),
            c.wrapping_add(g),
            d.wrapping_add(h),
        ]
    }

    pub(super) fn xor([a, b, c, d]: Row, [e, f, g, h]: Row) -> Row {
        [a ^ e, b ^ f, c ^ g, d ^ h]
    }

    pub(super) fn turn<const BY: u32>(row: Row) -> Row {
        row.map(|word| word.rotate_left(BY))
    }

    pub(super) fn lanes<const BY: usize>(mut row: Row) -> Row {
        row.rotate_left(BY);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8439, 2.3.2, and the ends of the message in 2.4.2.
    #[test]
    fn makes_blocks_as_the_rfc_says() {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        let [a, b, c, d, e, f, g, h] = read(&key);
        let start = |nonce| Stream {
            state: [
                row(CONSTANTS),
                row([a, b, c, d]),
                row([e, f, g, h]),
                row([1, nonce, 0x4a00_0000, 0]),
            ],
            first: Block::default(),
        };
        let [[begin, end]] = start(0x0900_0000).blocks();
        assert_eq!(begin[..4], [0x10, 0xf1, 0xe7, 0xe4]);
        assert_eq!(end[28..], [0xa2, 0x50, 0x3c, 0x4e]);
        let [[begin, _], [_, end]] = start(0).blocks();
        assert_eq!(begin[..2], [0x6e ^ b'L', 0x2e ^ b'a']);
        assert_eq!(end[16..18], [0x87 ^ b't', 0x4d ^ b'.']);
    }

    /// draft-irtf-cfrg-xchacha-03, 2.2.1.
    #[test]
    fn makes_the_key_of_a_nonce_as_the_draft_says() {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        let mut nonce = [0; 24];
        nonce[3] = 0x09;
        nonce[7] = 0x4a;
        nonce[12..16].copy_from_slice(&[0x31, 0x41, 0x59, 0x27]);
        let (_, stream) = Stream::new(&key, &nonce);
        let [_, low, high, _] = stream.state.map(words);
        let [low, high] = [low, high].map(|row| row.map(u32::swap_bytes));
        assert_eq!(low, [0x8241_3b42, 0x27b2_7bfe, 0xd30e_4250, 0x8a87_7d73]);
        assert_eq!(high, [0xa0f9_e4d5, 0x8a74_a853, 0xc12e_c413, 0x26d3_ecdc]);
    }
}
