internal import AdminAPI

/// One budget as a bar: used, held, remaining, and beyond them debt.
enum BudgetBar {
  private static let width = 1000.0

  /// The budget's numbers with the picture, for the template `budget`.
  static func view(_ budget: JSON, name: String) -> View {
    func number(_ member: String) -> Int64 {
      guard case .integer(let value)? = budget[member] else { return 0 }
      return value
    }
    let (used, held, remaining) = (number("used"), number("held"), number("remaining"))
    let whole = max(1, used + held + remaining)
    let share = Double(used) / Double(whole)
    return View(budget).with([
      "svg": .text(svg([used, held, remaining], whole: whole, name: name)),
      "used_percent": .text("\(Int((share * 100).rounded())) %"),
      "nothing": .flag(number("limit") == 0 && used == 0),
    ])
  }

  private static func svg(_ parts: [Int64], whole: Int64, name: String) -> String {
    var x = 0.0
    var rects = ""
    for (part, color) in zip(parts, ["used", "held", "remaining"]) where part > 0 {
      // What is there shows, however little it is.
      let wide = max(4, width * Double(part) / Double(whole))
      rects += """
        <rect class="\(color)" x="\(Markup.number(x))" y="0" width="\(Markup.number(wide))" height="20"/>
        """
      x += wide
    }
    let words = zip(["used", "held", "remaining"], parts).map { "\($0) \(Wording.count($1))" }
    let text = "Of \(Wording.count(whole)) tokens: \(words.joined(separator: ", "))"
    return """
      <svg class="bar" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" \
      aria-labelledby="\(name)-bar"><title id="\(name)-bar">\(text)</title>\(rects)</svg>
      """
  }
}
