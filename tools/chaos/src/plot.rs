//! A plot of lines over time, as SVG. It knows nothing about chaos.

use anyhow::{Result, anyhow};
use plotters::{prelude::*, style::text_anchor};

pub struct Series<'a> {
    pub name: &'a str,
    pub points: Vec<Point>,
}

#[derive(Clone, Copy)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Moments, drawn as ticks below the lines.
pub struct Marks<'a> {
    pub name: &'a str,
    /// Values of x.
    pub moments: Vec<f64>,
}

pub struct Plot<'a> {
    pub title: &'a str,
    /// Label of the x axis, with its unit.
    pub x: &'a str,
    /// Label of the y axis, with its unit.
    pub y: &'a str,
    pub series: Vec<Series<'a>>,
    /// Each has a row of ticks.
    pub marks: Vec<Marks<'a>>,
}

/// They differ in brightness for colour-blind people, and are visible on both backgrounds of GitHub.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(225, 160, 0),
    RGBColor(70, 70, 70),
    RGBColor(0, 140, 110),
    RGBColor(150, 80, 170),
];
const SIZE: (u32, u32) = (960, 540);

impl Plot<'_> {
    pub fn svg(&self) -> Result<String> {
        let mut text = String::new();
        self.draw(&mut text).map_err(|error| anyhow!("cannot draw the plot: {error}"))?;
        Ok(text)
    }

    fn draw(&self, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let points = || self.series.iter().flat_map(|series| &series.points);
        let right = points().map(|point| point.x).fold(1.0, f64::max);
        let top = points().map(|point| point.y).fold(1.0, f64::max) * 1.05;
        // The rows of ticks are below zero.
        let row = top * 0.035;
        let bottom = -row * (self.marks.len() as f64 + 0.5);

        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(46)
            .y_label_area_size(76)
            .build_cartesian_2d(0.0..right, bottom..top)?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 13))
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| if *y < 0.0 { String::new() } else { format!("{y:.0}") })
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .draw()?;
        let mut colours = COLOURS.iter().cycle();
        for series in &self.series {
            let colour = *colours.next().unwrap_or(&BLACK);
            chart
                .draw_series(LineSeries::new(
                    series.points.iter().map(|point| (point.x, point.y)),
                    colour.stroke_width(2),
                ))?
                .label(series.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        for (index, marks) in self.marks.iter().enumerate() {
            let colour = *colours.next().unwrap_or(&BLACK);
            let upper = -row * (index as f64 + 0.25);
            let ticks = marks
                .moments
                .iter()
                .map(|x| PathElement::new([(*x, upper), (*x, upper - row * 0.75)], colour));
            chart.draw_series(ticks)?.label(marks.name).legend(move |(x, y)| {
                PathElement::new([(x + 9, y - 5), (x + 9, y + 5)], colour.stroke_width(2))
            });
        }
        let font = ("sans-serif", 14).into_font().color(&BLACK);
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(
                font.pos(text_anchor::Pos::new(text_anchor::HPos::Left, text_anchor::VPos::Top)),
            )
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_axes_and_legend_are_in_the_svg_as_text() {
        let plot = Plot {
            title: "A title",
            x: "time (s)",
            y: "forms",
            series: vec![Series {
                name: "a line",
                points: vec![Point { x: 0.0, y: 0.0 }, Point { x: 5.0, y: 50.0 }],
            }],
            marks: vec![Marks { name: "some moments", moments: vec![1.0, 2.0] }],
        };
        let svg = plot.svg().unwrap();
        for text in ["A title", "time (s)", "forms", "a line", "some moments"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
        }
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
