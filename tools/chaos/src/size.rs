//! The sizes of forms: most are small, some are as large as SQS takes, and the seed determines which.

use std::time::Duration;

use rand::{RngExt, rngs::StdRng};

const KIB: usize = 1024;

/// The share of the forms with this size, and how large they are.
pub struct SizeClass {
    pub name: &'static str,
    percent: u32,
    from: usize,
    /// Exclusive.
    to: usize,
}

/// From small to large. The mean is about 10 KB, half of it from the last class.
pub const CLASSES: [SizeClass; 4] = [
    SizeClass { name: "up to 1 KiB", percent: 80, from: 100, to: KIB },
    SizeClass { name: "up to 16 KiB", percent: 15, from: KIB, to: 16 * KIB },
    SizeClass { name: "up to 256 KiB", percent: 4, from: 16 * KIB, to: 256 * KIB },
    // A message of SQS has at most 1 MiB with its attributes.
    SizeClass { name: "up to 1 MiB", percent: 1, from: 256 * KIB, to: 1016 * KIB },
];

/// A sender sends no more, so that large forms do not take the place of everything else.
pub const BYTES_PER_SECOND: usize = 256 * KIB;

/// Draws the size of a body. Within a class, doubling a size halves its probability density.
pub fn draw(rng: &mut StdRng) -> usize {
    let mut percent = rng.random_range(0..100);
    let [smaller @ .., largest] = &CLASSES;
    let class = smaller.iter().find(|class| {
        let found = percent < class.percent;
        percent = percent.saturating_sub(class.percent);
        found
    });
    let SizeClass { from, to, .. } = class.unwrap_or(largest);
    let ratio = *to as f64 / *from as f64;
    ((*from as f64) * ratio.powf(rng.random_range(0.0..1.0))) as usize
}

/// The name of the class of a body; bodies that are smaller or larger than all classes are in the first or last one.
pub fn class_of(bytes: usize) -> &'static str {
    let [smaller @ .., largest] = &CLASSES;
    smaller.iter().find(|class| bytes < class.to).unwrap_or(largest).name
}

/// How long this many bytes take at [`BYTES_PER_SECOND`].
pub fn sending_time(bytes: usize) -> Duration {
    Duration::from_secs_f64(bytes as f64 / BYTES_PER_SECOND as f64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn sizes_reach_from_100_bytes_to_1_mib_and_are_mostly_small() {
        let mut rng = StdRng::seed_from_u64(1);
        let sizes: Vec<usize> = (0..20_000).map(|_| draw(&mut rng)).collect();
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        sizes.iter().for_each(|size| *counts.entry(class_of(*size)).or_default() += 1);
        for SizeClass { name, percent, .. } in &CLASSES {
            let expected = 200 * percent;
            assert!(counts[name].abs_diff(expected) < expected / 4, "{counts:?}");
        }
        let (smallest, largest) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!((100..110).contains(smallest), "{smallest}");
        assert!((1_000_000..1024 * KIB).contains(largest), "{largest}");
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((8_000..13_000).contains(&mean), "{mean}");
    }

    #[test]
    fn a_mebibyte_takes_four_seconds() {
        assert_eq!(sending_time(1024 * KIB), Duration::from_secs(4));
    }
}
