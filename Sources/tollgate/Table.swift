import Foundation
import TollgateServer

/// Answers in their form for people, fitted to the terminal that they go to.
enum Table {
  static func print(_ answer: Answer) {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    let wantsNoColor = ProcessInfo.processInfo.environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    // What goes to a file or another program is neither cut nor coloured.
    let lines = answer.lines(width: isTerminal ? width() : nil, colors: isTerminal && !wantsNoColor)
    if !lines.isEmpty { Terminal.print(lines.joined(separator: "\n")) }
    for note in answer.notes { Terminal.error(note) }
  }

  /// Columns of the terminal; nil where it doesn't tell.
  private static func width() -> Int? {
    var size = winsize()
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}
