/// Columns over time, each stacked of the series.
struct ColumnChart {
  struct Series {
    var name: String
    /// The class of its colour: `c1` to `c3`.
    var color: String
    /// One of each label, not negative.
    var values: [Int64]
  }
  /// Of the element's ids.
  var name: String
  var title: String
  /// Of the numbers, in the plural.
  var unit: String
  /// Below the axis.
  var feet: [String]
  /// What a column is called where there is room; as many as ``feet``.
  var labels: [String]
  var series: [Series]
  var breadth: ChartFrame.Breadth

  private func sum(_ index: Int) -> Int64 { series.reduce(0) { $0 + $1.values[index] } }

  var isEmpty: Bool { labels.indices.allSatisfy { sum($0) == 0 } }

  /// The picture.
  var svg: String {
    let sums = labels.indices.map(sum)
    let frame = ChartFrame(
      axis: Axis(reaching: Double(sums.max() ?? 0), isWhole: true), breadth: breadth)
    let step = frame.plotWidth / Double(max(1, labels.count))
    let width = max(1, step * 0.72)
    func left(_ index: Int) -> Double { frame.left + step * Double(index) + (step - width) / 2 }
    var columns = ""
    for index in labels.indices where sums[index] > 0 {
      var base: Int64 = 0
      var parts = ""
      for one in series where one.values[index] > 0 {
        let (bottom, top) = (frame.y(Double(base)), frame.y(Double(base + one.values[index])))
        parts += """
          <rect class="\(one.color)" x="\(Markup.number(left(index)))" y="\(Markup.number(top))" \
          width="\(Markup.number(width))" height="\(Markup.number(max(0.5, bottom - top)))"/>
          """
        base += one.values[index]
      }
      columns += "<g><title>\(Markup.escape(tooltip(index)))</title>\(parts)</g>"
    }
    let content =
      Markup.grid(frame, unit: unit, label: { Wording.short(Int64($0)) }) + columns
      + Markup.feet(frame, feet, center: { frame.left + step * (Double($0) + 0.5) })
    return Markup.chart(frame, name, title: title, summary: summary(sums), content)
  }

  private func tooltip(_ index: Int) -> String {
    let parts = series.filter { $0.values[index] > 0 || series.count == 1 }
      .map { "\(Wording.count($0.values[index])) \(series.count > 1 ? $0.name : unit)" }
    return "\(labels[index]): \(parts.joined(separator: ", "))"
  }

  private func summary(_ sums: [Int64]) -> String {
    let totals = series.map { "\($0.name) \(Wording.count($0.values.reduce(0, +)))" }.joined(separator: ", ")
    guard let most = sums.indices.max(by: { sums[$0] < sums[$1] }), let first = labels.first,
      let last = labels.last
    else { return "No data." }
    return "From \(first) to \(last), in \(unit): \(totals). The most was \(Wording.count(sums[most])), "
      + "at \(labels[most]). The table below has every number."
  }

  /// The same as rows, and the legend.
  var table: View {
    .object([
      "unit": .text(unit),
      "series": .list(series.map { .object(["name": .text($0.name), "color": .text($0.color)]) }),
      "has_legend": .flag(series.count > 1),
      "rows": .list(
        labels.indices.reversed().map { index in
          .object([
            "label": .text(labels[index]), "values": .list(series.map { .number($0.values[index]) }),
          ])
        }),
    ])
  }

  /// Picture, legend and table, for the template `chart`.
  var view: View {
    table.with([
      "svg": .text(isEmpty ? nil : svg), "title": .text(title), "name": .text(name),
      "is_empty": .flag(isEmpty),
    ])
  }
}
