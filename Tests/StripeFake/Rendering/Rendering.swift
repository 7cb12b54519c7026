/// Where the fields are in a payload.
package enum PayloadShape: String, CaseIterable, Sendable {
  /// As before 2025-03-31.basil.
  case old
  /// As since 2025-03-31.basil.
  case basil
  /// In both places at once, as some real payloads have them.
  case both

  var hasOld: Bool { self != .basil }
  var hasNew: Bool { self != .old }

  /// The version that says so.
  package var apiVersion: String { self == .old ? "2024-06-20" : "2025-03-31.basil" }

  /// The shape of a version: `2024-06-20`, `2025-03-31.basil`; nil for what is no version.
  package init?(apiVersion: String) {
    let date = apiVersion.prefix(10)
    guard date.count == 10, date.split(separator: "-").map(\.count) == [4, 2, 2],
      date.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == "-") })
    else { return nil }
    self = date >= "2025-03-31" ? .basil : .old
  }
}

/// How objects are written.
package struct Rendering: Sendable {
  package var shape: PayloadShape
  /// Expandable fields of events are objects instead of ids.
  package var expandsEvents: Bool
  /// Lines of an invoice that are in it; the rest is to be had by `/lines`.
  package var linesMax: Int

  /// Stripe's ways by default: ids, and ten lines.
  package init(_ shape: PayloadShape = .basil, expandsEvents: Bool = false, linesMax: Int = 10) {
    self.shape = shape
    self.expandsEvents = expandsEvents
    self.linesMax = linesMax
  }
}
