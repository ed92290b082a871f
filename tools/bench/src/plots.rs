//! Lines in SVG.

use std::path::Path;

use plotters::{
    chart::{ChartBuilder, SeriesLabelPosition},
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    drawing::IntoDrawingArea,
    element::PathElement,
    prelude::{IntoLogRange, SVGBackend},
    series::LineSeries,
    style::{Color, RGBColor, ShapeStyle, WHITE},
};

use crate::table::number;

const SIZE: (u32, u32) = (720, 400);
/// Told apart by people who see few colours, too.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// A picture with some lines.
pub struct Plot<'a> {
    /// Above it.
    pub title: &'a str,
    /// Below it.
    pub x: &'a str,
    /// Beside it.
    pub y: &'a str,
    /// Whether each step to the right is a doubling.
    pub doubling: bool,
    /// Each with its name.
    pub lines: Vec<(&'a str, Vec<(f64, f64)>)>,
}

impl Plot<'_> {
    /// Writes it to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn draw(&self, path: &Path) -> anyhow::Result<()> {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
        let least_x = points().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
        // Room above the lines for their names.
        let y = 0.0..f64::max(most(|(_, y)| *y) * 1.3, 0.001);
        let end = most(|(x, _)| *x).max(least_x + 0.001);
        if self.doubling {
            self.draw_on(path, (least_x..end * 1.1).log_scale().base(2.0), y)
        } else {
            self.draw_on(path, 0.0..end * 1.02, y)
        }
    }

    fn draw_on<X>(&self, path: &Path, x: X, y: std::ops::Range<f64>) -> anyhow::Result<()>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
    {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(84)
            .build_cartesian_2d(x, y)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.x).y_desc(self.y).light_line_style(WHITE).label_style(("sans-serif", 16));
        mesh.x_label_formatter(&|x| label(*x)).y_label_formatter(&|y| label(*y)).draw()?;
        for ((name, points), colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let style: ShapeStyle = colour.stroke_width(2);
            // Dots where there are few enough to see them.
            let dots = if points.len() <= 20 { 3 } else { 0 };
            let line = chart
                .draw_series(LineSeries::new(points.iter().copied(), style).point_size(dots))?;
            line.label(*name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        let mut names = chart.configure_series_labels();
        names.position(SeriesLabelPosition::UpperLeft).label_font(("sans-serif", 16)).draw()?;
        area.present()?;
        Ok(())
    }
}

/// A number beside an axis, where it is a round one.
fn label(value: f64) -> String {
    if value == value.trunc() && value < 1000.0 { format!("{value:.0}") } else { number(value) }
}
