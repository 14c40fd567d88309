//! Calendar dates, just far enough to know an impossible one.

/// `Some(true)` for a real date, `Some(false)` for one that only looks like it, `None` for
/// anything else.
pub(super) fn is_date(word: &str) -> Option<bool> {
    let bytes = word.as_bytes();
    let has_shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !has_shape {
        return None;
    }
    let number = |range: std::ops::Range<usize>| word[range].parse::<u32>().unwrap_or_default();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    Some(year >= 1 && day >= 1 && day <= days_in_month(year, month))
}

/// `2026-01-31T10:00:00Z`, with fractions and offsets: the calendar and the clock are checked.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text.split_at_checked(10) else {
        return false;
    };
    if is_date(date) != Some(true) || !time.starts_with(['T', 't', ' ']) {
        return false;
    }
    let Some((clock, rest)) = time[1..].split_at_checked(8) else {
        return false;
    };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
        None => rest,
    };
    is_clock(clock, 3) && is_zone(zone)
}

fn is_zone(zone: &str) -> bool {
    matches!(zone, "Z" | "z") || zone.strip_prefix(['+', '-']).is_some_and(|it| is_clock(it, 2))
}

/// `HH:MM` or `HH:MM:SS`.
fn is_clock(text: &str, parts: usize) -> bool {
    const LIMITS: [u32; 3] = [23, 59, 59];
    let found: Vec<&str> = text.split(':').collect();
    found.len() == parts
        && found.iter().zip(LIMITS).all(|(part, limit)| {
            part.len() == 2
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && part.parse().is_ok_and(|number: u32| number <= limit)
        })
}

fn days_in_month(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_dates_are_told_from_other_words() {
        assert_eq!(is_date("2026-02-30"), Some(false));
        assert_eq!(is_date("2026-13-01"), Some(false));
        assert_eq!(is_date("2026-00-10"), Some(false));
        assert_eq!(is_date("2100-02-29"), Some(false));
        assert_eq!(is_date("0000-01-01"), Some(false));
        assert_eq!(is_date("tomorrow"), None);
        assert_eq!(is_date("2026-1-1"), None);
    }

    #[test]
    fn leap_days_are_real_where_they_are() {
        assert_eq!(is_date("2024-02-29"), Some(true));
        assert_eq!(is_date("2000-02-29"), Some(true));
    }

    #[test]
    fn timestamps_need_a_clock_and_a_zone() {
        assert!(is_timestamp("2026-01-31T10:00:00Z"));
        assert!(is_timestamp("2026-01-31T10:00:00.123+02:00"));
        for wrong in [
            "2026-01-31T10:00:00",
            "2026-01-31T24:00:00Z",
            "2026-02-30T10:00:00Z",
            "x",
            "2026-01-31T10:00:00.Z",
            "2026-01-31ä10:00:00Z",
        ] {
            assert!(!is_timestamp(wrong), "{wrong}");
        }
    }
}
