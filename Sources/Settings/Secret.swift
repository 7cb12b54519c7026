/// A text that must not reach a log: it describes, dumps and interpolates itself as `[redacted]`.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The text itself, for the one place that needs it.
  package let revealed: String

  /// Any text.
  package init(_ revealed: String) { self.revealed = revealed }

  /// Never the text.
  package var description: String { "[redacted]" }
  /// Never the text.
  package var debugDescription: String { "[redacted]" }
  /// Without children, so that `dump` and string reflection find nothing.
  package var customMirror: Mirror { Mirror(self, children: []) }
}
