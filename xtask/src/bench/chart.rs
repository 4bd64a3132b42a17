//! Drawings of what restarts cost: what the time is made of, and how it grows with the data.

use std::fs;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::ranged1d::IntoSegmentedCoord as _;
use plotters::prelude::{
    BLACK, ChartBuilder, Color as _, IntoDrawingArea as _, IntoLogRange as _, LineSeries,
    Palette as _, Palette99, PathElement, Rectangle, SVGBackend, SegmentValue, SeriesLabelPosition,
    WHITE,
};

use super::results::Results;
use super::table::PARTS;
use crate::build::relative;
use crate::shell::say;

/// Width and height of a drawing, in pixels.
const SIZE: (u32, u32) = (960, 540);

/// Pixels left free at either side of a bar.
const BETWEEN: u32 = 8;

/// The restarts whose parts are drawn, by measure: those of like cost.
const DRAWN: &[&str] = &[
    "restart-16k",
    "restart-threads-4",
    "restart-threads-16",
    "restart-threads-64",
    "restart-1m-0",
    "restart-1m-4",
    "restart-1m-64",
];

/// Sizes of data by the name they have in measures, in KiB.
const SIZES: &[(&str, u32)] = &[("1m", 1 << 10), ("8m", 8 << 10), ("64m", 64 << 10)];

/// What is done to the data, by the ending of the measure's name.
const MANNERS: &[(&str, &str)] = &[
    ("0", "untouched"),
    ("4", "4 dirty pages"),
    ("64", "64 dirty pages"),
    ("all", "all dirty"),
    ("written", "all dirty, and written again before the reply"),
];

/// Draws everything that was measured.
///
/// # Errors
/// When a drawing cannot be written.
pub(crate) fn draw(results: &Results, directory: &Path) -> Result<()> {
    let drawings: [(&str, Draw); 2] = [
        ("restart-parts.svg", parts as Draw),
        ("restart-sizes.svg", sizes as Draw),
    ];
    for (name, draw) in drawings {
        let mut svg = String::new();
        if draw(results, &mut svg)? == Drawn::Something {
            fs::create_dir_all(directory)?;
            let path = directory.join(name);
            fs::write(&path, svg)?;
            say(format!("wrote {}", relative(&path).display()));
        }
    }
    Ok(())
}

/// Draws something, if what it takes was measured.
type Draw = fn(&Results, &mut String) -> Result<Drawn>;

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Drawn {
    Something,
    Nothing,
}

fn median(results: &Results, name: &str) -> Option<u64> {
    results.measures.get(name).map(|measure| measure.median)
}

/// Plotters' errors borrow what they are about.
fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

/// A bar for each restart, of its parts.
fn parts(results: &Results, svg: &mut String) -> Result<Drawn> {
    // The first one is to be on top.
    let bars: Vec<(&str, u64)> = DRAWN
        .iter()
        .rev()
        .filter_map(|name| Some((*name, median(results, name)?)))
        .collect();
    let Some(most) = bars.iter().map(|(_, total)| *total).max() else {
        return Ok(Drawn::Nothing);
    };
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "Hot restart by part, instructions (median)",
            ("sans-serif", 22),
        )
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(150)
        .build_cartesian_2d(0..most * 21 / 20, (0..bars.len() - 1).into_segmented())
        .map_err(failed)?;
    let name = |place: &SegmentValue<usize>| match place {
        SegmentValue::CenterOf(index) => bars.get(*index).map_or("", |(name, _)| name).to_owned(),
        SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_label_formatter(&|count| thousands(*count))
        .y_label_formatter(&name)
        .draw()
        .map_err(failed)?;
    let mut starts = vec![0; bars.len()];
    for (index, (ending, heading)) in PARTS.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let rectangles = bars.iter().zip(&mut starts).enumerate();
        let rectangles = rectangles.map(|(place, ((name, _), start))| {
            let from = *start;
            *start += median(results, &format!("{name}{ending}")).unwrap_or(0);
            let (low, high) = (SegmentValue::Exact(place), SegmentValue::Exact(place + 1));
            let mut part = Rectangle::new([(from, low), (*start, high)], color.filled());
            part.set_margin(BETWEEN, BETWEEN, 0, 0);
            part
        });
        chart
            .draw_series(rectangles)
            .map_err(failed)?
            .label(*heading)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()
        .map_err(failed)?;
    area.present().map_err(failed)?;
    drop(chart);
    drop(area);
    Ok(Drawn::Something)
}

/// A line for each thing that is done to the data, over the size of that.
fn sizes(results: &Results, svg: &mut String) -> Result<Drawn> {
    let line = |manner: &str| -> Vec<(u32, u64)> {
        let points = SIZES.iter().filter_map(|(size, kib)| {
            let measure = median(results, &format!("restart-{size}-{manner}"))?;
            Some((*kib, measure))
        });
        points.collect()
    };
    let lines: Vec<_> = MANNERS
        .iter()
        .map(|(manner, what)| (*what, line(manner)))
        .filter(|(_, points)| points.len() > 1)
        .collect();
    let costs = lines
        .iter()
        .flat_map(|(_, points)| points)
        .map(|point| point.1);
    let (Some(least), Some(most)) = (costs.clone().min(), costs.max()) else {
        return Ok(Drawn::Nothing);
    };
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    let (first, last) = (SIZES[0].1, SIZES[SIZES.len() - 1].1);
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "Hot restart by size of data, instructions (median)",
            ("sans-serif", 22),
        )
        .margin(12)
        .margin_right(32)
        .x_label_area_size(36)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (first..last).log_scale().base(2.0),
            (least / 2..most * 2).log_scale(),
        )
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_label_formatter(&|kib| format!("{} MiB", kib >> 10))
        .y_label_formatter(&|count| thousands(*count))
        .draw()
        .map_err(failed)?;
    for (index, (what, points)) in lines.into_iter().enumerate() {
        let style = Palette99::pick(index).stroke_width(2);
        chart
            .draw_series(LineSeries::new(points, style).point_size(4))
            .map_err(failed)?
            .label(what)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()
        .map_err(failed)?;
    area.present().map_err(failed)?;
    drop(chart);
    drop(area);
    Ok(Drawn::Something)
}

/// A number with its thousands apart.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| str::from_utf8(group).ok())
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::runs::Samples;
    use super::*;
    use crate::machine::Boot;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1 234 567");
        assert_eq!(thousands(123), "123");
    }

    #[test]
    fn what_was_measured_is_drawn_and_nothing_else() {
        let samples = [
            ("restart-1m-0", 30_000),
            ("restart-1m-0.freeze", 4_000),
            ("restart-8m-0", 31_000),
        ];
        let samples = samples.map(|(name, value)| (name.to_owned(), vec![value]));
        let results = Results::of(&Samples::from(samples), "", Boot::Direct);
        for (draw, word) in [(parts as Draw, "freeze"), (sizes as Draw, "untouched")] {
            let mut svg = String::new();
            assert_eq!(draw(&results, &mut svg).unwrap(), Drawn::Something);
            assert!(svg.starts_with("<svg") && svg.contains(word), "{svg}");
            let nothing = Results::of(&Samples::new(), "", Boot::Direct);
            assert_eq!(draw(&nothing, &mut String::new()).unwrap(), Drawn::Nothing);
        }
    }
}
