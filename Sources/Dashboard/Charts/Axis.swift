/// The scale of a chart: from zero to a round number, in at most five steps.
struct Axis {
  /// Where the lines are, zero first.
  let ticks: [Double]
  var max: Double { ticks.last ?? 1 }

  /// Reaches at least `value`. With `isWhole` no step is less than 1.
  init(reaching value: Double, isWhole: Bool) {
    var step = isWhole ? 1.0 : 0.001
    let factors = [2.0, 2.5, 2.0]
    var turn = 0
    // 1, 2, 5, 10, 20, 50, …
    while step * 4 < value {
      step *= factors[turn % 3]
      turn += 1
    }
    let count = Swift.max(1, Int((value / step).rounded(.up)))
    ticks = (0...count).map { Double($0) * step }
  }
}

/// Where a chart's parts are, in the units of its viewBox.
struct ChartFrame {
  /// How much room there is: half of the page's breadth, or all of it.
  enum Breadth: Double {
    case half = 540
    case whole = 1060
  }
  let axis: Axis
  let breadth: Breadth

  let height = 210.0
  let left = 52.0
  let right = 4.0
  let top = 22.0
  let bottom = 26.0
  var width: Double { breadth.rawValue }
  var plotWidth: Double { width - left - right }
  var plotHeight: Double { height - top - bottom }

  func y(_ value: Double) -> Double { top + plotHeight * (1 - value / axis.max) }
}

/// Text of SVG.
enum Markup {
  static func escape(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  /// With two decimals at most.
  static func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = (hundredths / 100, abs(hundredths % 100))
    let sign = hundredths < 0 && whole == 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    return "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest % 10 == 0 ? rest / 10 : rest)"
  }

  /// The outer element, with what a screen reader says of it.
  static func chart(
    _ frame: ChartFrame, _ name: String, title: String, summary: String, _ content: String
  ) -> String {
    let box = "0 0 \(number(frame.width)) \(number(frame.height))"
    return """
      <svg class="chart \(frame.breadth)" viewBox="\(box)" role="img" aria-labelledby="\(name)-title \(name)-desc">\
      <title id="\(name)-title">\(escape(title))</title>\
      <desc id="\(name)-desc">\(escape(summary))</desc>\(content)</svg>
      """
  }

  /// Lines and numbers of the scale, and the unit above them.
  static func grid(_ frame: ChartFrame, unit: String, label: (Double) -> String) -> String {
    let end = number(frame.width - frame.right)
    let lines = frame.axis.ticks.map { tick in
      let y = number(frame.y(tick))
      return """
        <line class="grid" x1="\(number(frame.left))" x2="\(end)" y1="\(y)" y2="\(y)"/>\
        <text class="tick" x="\(number(frame.left - 8))" y="\(y)" dy="4" text-anchor="end">\
        \(escape(label(tick)))</text>
        """
    }
    let name = """
      <text class="unit" x="0" y="10">\(escape(unit))</text>
      """
    return lines.joined() + name
  }

  /// The words below a chart: as many as there is room for, the first and evenly on.
  static func feet(_ frame: ChartFrame, _ labels: [String], center: (Int) -> Double) -> String {
    let most = frame.breadth == .half ? 6 : 12
    let every = max(1, (labels.count + most - 1) / most)
    return labels.indices.filter { $0 % every == 0 }.map { index in
      """
      <text class="tick" x="\(number(center(index)))" y="\(number(frame.height - 6))" \
      text-anchor="middle">\(escape(labels[index]))</text>
      """
    }.joined()
  }
}
