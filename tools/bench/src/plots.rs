//! Plots of lines, as SVG.

use std::{ops::Range, path::Path};

use anyhow::Result;
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
/// Also distinguishable by colour-blind people.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

pub struct Plot<'a> {
    pub title: &'a str,
    /// Label of the x axis.
    pub x: &'a str,
    /// Label of the y axis.
    pub y: &'a str,
    /// Logarithmic to base 2.
    pub doubling: bool,
    pub lines: Vec<Line<'a>>,
}

pub struct Line<'a> {
    pub name: &'a str,
    pub points: Vec<Point>,
}

#[derive(Clone, Copy)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl<'a> Line<'a> {
    /// A line with a point for each item.
    pub fn through<T>(name: &'a str, items: &[T], x: fn(&T) -> f64, y: fn(&T) -> f64) -> Self {
        let points = items.iter().map(|item| Point { x: x(item), y: y(item) }).collect();
        Self { name, points }
    }
}

impl Plot<'_> {
    /// Writes the plot to a file.
    pub fn draw(&self, path: &Path) -> Result<()> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let max = |of: fn(&Point) -> f64| points().map(of).fold(0.0, f64::max);
        let min_x = points().map(|point| point.x).fold(f64::INFINITY, f64::min);
        // With room for the legend above the lines.
        let y = 0.0..f64::max(max(|point| point.y) * 1.3, 0.001);
        let end = max(|point| point.x).max(min_x + 0.001);
        if self.doubling {
            self.draw_on(path, (min_x..end * 1.1).log_scale().base(2.0), y)
        } else {
            self.draw_on(path, 0.0..end * 1.02, y)
        }
    }

    fn draw_on<X>(&self, path: &Path, x: X, y: Range<f64>) -> Result<()>
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
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let style: ShapeStyle = colour.stroke_width(2);
            // More than 20 dots would merge.
            let dots = if line.points.len() <= 20 { 3 } else { 0 };
            let points = line.points.iter().map(|point| (point.x, point.y));
            let series = chart.draw_series(LineSeries::new(points, style).point_size(dots))?;
            series
                .label(line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        let mut names = chart.configure_series_labels();
        names.position(SeriesLabelPosition::UpperLeft).label_font(("sans-serif", 16)).draw()?;
        area.present()?;
        Ok(())
    }
}

/// A number beside an axis; a small integer has no decimals.
fn label(value: f64) -> String {
    if value == value.trunc() && value < 1000.0 { format!("{value:.0}") } else { number(value) }
}
