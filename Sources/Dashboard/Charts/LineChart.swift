/// Lines over time; where there is no value, a line has a gap.
struct LineChart {
  struct Series {
    var name: String
    /// The class of its colour: `c1` to `c3`.
    var color: String
    /// As they are written, one of each label.
    var values: [Double?]
  }
  var name: String
  var title: String
  var unit: String
  var feet: [String]
  var labels: [String]
  var series: [Series]
  var breadth: ChartFrame.Breadth

  var isEmpty: Bool { series.allSatisfy { $0.values.allSatisfy { $0 == nil } } }

  var svg: String {
    let most = series.flatMap { $0.values.compactMap { $0 } }.max() ?? 0
    let frame = ChartFrame(axis: Axis(reaching: most, isWhole: false), breadth: breadth)
    let step = frame.plotWidth / Double(max(1, labels.count))
    func x(_ index: Int) -> Double { frame.left + step * (Double(index) + 0.5) }
    var lines = ""
    for one in series {
      var path = ""
      var dots = ""
      for (index, value) in one.values.enumerated() {
        guard let value else { continue }
        let hasBefore = index > 0 && one.values[index - 1] != nil
        path += "\(hasBefore ? "L" : "M")\(Markup.number(x(index))) \(Markup.number(frame.y(value)))"
        let label = "\(labels[index]): \(one.name) \(Markup.number(value)) \(unit)"
        dots += """
          <circle class="\(one.color)" cx="\(Markup.number(x(index)))" cy="\(Markup.number(frame.y(value)))" \
          r="2.5"><title>\(Markup.escape(label))</title></circle>
          """
      }
      lines += "<path class=\"line \(one.color)\" d=\"\(path)\"/>\(dots)"
    }
    let content =
      Markup.grid(frame, unit: unit, label: { Markup.number($0) }) + lines
      + Markup.feet(frame, feet, center: x)
    return Markup.chart(frame, name, title: title, summary: summary, content)
  }

  private var summary: String {
    guard let first = labels.first, let last = labels.last else { return "No data." }
    let most = series.map { one in
      "\(one.name) at most \(Markup.number(one.values.compactMap { $0 }.max() ?? 0))"
    }
    return "From \(first) to \(last), in \(unit): \(most.joined(separator: ", ")). "
      + "The table below has every number."
  }

  /// Picture, legend and table, for the template `chart`.
  var view: View {
    .object([
      "svg": .text(isEmpty ? nil : svg), "title": .text(title), "name": .text(name),
      "is_empty": .flag(isEmpty), "unit": .text(unit), "has_legend": .flag(true),
      "series": .list(series.map { .object(["name": .text($0.name), "color": .text($0.color)]) }),
      "rows": .list(
        labels.indices.reversed().filter { index in series.contains { $0.values[index] != nil } }.map {
          index in
          .object([
            "label": .text(labels[index]),
            "values": .list(series.map { .text($0.values[index].map(Markup.number) ?? "–") }),
          ])
        }),
    ])
  }
}
