/// What may go to a terminal.
package enum Printable {
  /// The text with a `?` for every control character.
  package static func text(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
  }

  /// The same on one line: breaks and runs of blanks become one blank each.
  package static func line(_ text: String) -> String {
    Printable.text(text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    // Formats turn the direction of what follows, say.
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
