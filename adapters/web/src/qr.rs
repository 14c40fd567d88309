//! Texts as QR codes, for devices that read them from a screen.

use application::{Code, Problem};
use base64::{Engine, engine::general_purpose::STANDARD};
use qrcode::{Color, EcLevel, QrCode};

/// The light border that readers need, in modules (ISO/IEC 18004).
const QUIET_MODULES: usize = 4;
/// Pixels along the side of a module.
const MODULE_PIXELS: usize = 4;

/// `text` as a PNG in a `data:` URL. It is drawn off the async threads.
pub async fn qr_data_url(text: String) -> Result<String, Problem> {
    let drawn = tokio::task::spawn_blocking(move || png(&text)).await;
    let png = drawn.map_err(|gone| gone.to_string()).and_then(|drawn| drawn);
    match png {
        Ok(png) => Ok(format!("data:image/png;base64,{}", STANDARD.encode(png))),
        Err(cause) => {
            let problem = Problem::new(Code::Internal, "internal error");
            Err(Problem { cause: Some(cause.into()), ..problem })
        }
    }
}

fn png(text: &str) -> Result<Vec<u8>, String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|error| error.to_string())?;
    let (modules, colours) = (code.width(), code.to_colors());
    let side = (modules + 2 * QUIET_MODULES) * MODULE_PIXELS;
    let dark = |x: usize, y: usize| {
        let module = |pixel: usize| (pixel / MODULE_PIXELS).checked_sub(QUIET_MODULES);
        let (Some(x), Some(y)) = (module(x), module(y)) else { return false };
        x < modules && colours.get(y * modules + x) == Some(&Color::Dark)
    };
    // One bit a pixel, rows padded to whole bytes: 1 is white.
    let row = side.div_ceil(8);
    let mut pixels = vec![0_u8; row * side];
    for y in 0..side {
        for x in (0..side).filter(|x| !dark(*x, y)) {
            pixels[y * row + x / 8] |= 0x80 >> (x % 8);
        }
    }
    let size = u32::try_from(side).map_err(|error| error.to_string())?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "otpauth://totp/Enterprise%20Todo:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[tokio::test]
    async fn the_picture_shows_the_modules_of_the_code_inside_its_quiet_border() {
        let url = qr_data_url(TEXT.to_owned()).await.unwrap();
        let file = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let code = QrCode::with_error_correction_level(TEXT, EcLevel::M).unwrap();
        let side = (code.width() + 2 * QUIET_MODULES) * MODULE_PIXELS;
        assert_eq!((info.width as usize, info.height as usize), (side, side));
        let white = |x: usize, y: usize| pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) != 0;
        for y in 0..side {
            for x in 0..side {
                let module = |pixel: usize| (pixel / MODULE_PIXELS).checked_sub(QUIET_MODULES);
                let inside = |n: Option<usize>| n.filter(|n| *n < code.width());
                let expected = match (inside(module(x)), inside(module(y))) {
                    (Some(x), Some(y)) => code[(x, y)] == Color::Light,
                    _ => true,
                };
                assert_eq!(white(x, y), expected, "{x} {y}");
            }
        }
    }

    #[tokio::test]
    async fn what_no_code_can_hold_is_an_error_without_its_cause() {
        let failed = qr_data_url("x".repeat(10_000)).await.unwrap_err();
        assert_eq!((failed.code, failed.message.as_str()), (Code::Internal, "internal error"));
        assert!(failed.cause.is_some());
    }
}
