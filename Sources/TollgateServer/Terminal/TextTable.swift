/// Rows and columns of text, laid out for a terminal or a file.
package struct TextTable: Sendable, Equatable {
  /// How a cell is meant; shown by colour where there are colours.
  package enum Tone: Sendable, Equatable { case plain, good, warning, bad }

  /// One cell.
  package struct Cell: Sendable, Equatable, ExpressibleByStringLiteral {
    /// Without control characters: what an account is called must not steer the terminal.
    package let text: String
    /// How it is meant.
    package let tone: Tone

    /// Control characters of the text become `?`; nil is shown as `-`.
    package init(_ text: String?, tone: Tone = .plain) {
      self.text = Printable.text(text ?? "-")
      self.tone = tone
    }
    /// A plain cell.
    package init(stringLiteral value: String) { self.init(value) }
    /// A number.
    package init(_ number: Int64) { self.init(String(number)) }
  }

  /// What a column is called, and how it behaves.
  package struct Column: Sendable, Equatable, ExpressibleByStringLiteral {
    var title: String
    var isNumber = false
    var mayShrink = false

    /// Text that is shown whole, such as an id: whoever copies it needs all of it.
    package init(stringLiteral value: String) { title = value }
    private init(_ title: String, isNumber: Bool, mayShrink: Bool) {
      self.title = title
      self.isNumber = isNumber
      self.mayShrink = mayShrink
    }
    /// Set flush right.
    package static func number(_ title: String) -> Column {
      Column(title, isNumber: true, mayShrink: false)
    }
    /// May be cut where the terminal is too narrow.
    package static func text(_ title: String) -> Column {
      Column(title, isNumber: false, mayShrink: true)
    }
  }

  private let columns: [Column]
  private let rows: [[Cell]]

  /// Every row has a cell per column. Without any title there is no head.
  package init(_ columns: [Column], _ rows: [[Cell]]) {
    precondition(rows.allSatisfy { $0.count == columns.count }, "a row of another width")
    self.columns = columns
    self.rows = rows
  }

  /// Names and values, one pair per line.
  package init(fields: [(String, String?)]) {
    self.init(["", ""], fields.map { [Cell($0.0), Cell($0.1)] })
  }

  private static let gap = 2
  private static let cutWidthMin = 8

  /// The lines, without blanks at their ends. `width`: columns of the terminal; nil: as wide as it gets.
  package func lines(width: Int? = nil, colors: Bool = false) -> [String] {
    let widths = fitted(to: width)
    var lines: [String] = []
    if columns.contains(where: { !$0.title.isEmpty }) {
      lines.append(line(columns.map { Cell($0.title) }, widths, colors: false))
    }
    return lines + rows.map { line($0, widths, colors: colors) }
  }

  private func fitted(to width: Int?) -> [Int] {
    var widths = columns.indices.map { index in
      max(columns[index].title.count, rows.map { $0[index].text.count }.max() ?? 0)
    }
    guard let width else { return widths }
    let gaps = TextTable.gap * (columns.count - 1)
    // One by one from the widest, so that the columns that may shrink end up about even.
    while widths.reduce(gaps, +) > width {
      let widest = columns.indices.filter { columns[$0].mayShrink && widths[$0] > TextTable.cutWidthMin }
        .max { widths[$0] < widths[$1] }
      guard let widest else { break }
      widths[widest] -= 1
    }
    return widths
  }

  private func line(_ cells: [Cell], _ widths: [Int], colors: Bool) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      let text = cell.text.count > widths[index] ? cell.text.prefix(widths[index] - 1) + "…" : cell.text[...]
      let blanks = String(repeating: " ", count: widths[index] - text.count)
      let shown = colors ? TextTable.colored(text, cell.tone) : String(text)
      line += columns[index].isNumber ? blanks + shown : shown
      guard index < cells.count - 1 else { break }
      line += (columns[index].isNumber ? "" : blanks) + String(repeating: " ", count: TextTable.gap)
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  private static func colored(_ text: Substring, _ tone: Tone) -> String {
    let code: Int
    switch tone {
    case .plain: return String(text)
    case .good: code = 32
    case .warning: code = 33
    case .bad: code = 31
    }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }
}
