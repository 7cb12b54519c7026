import Testing
import TollgateServer

@Suite struct TextTableTests {
  private let table = TextTable(
    ["USER", .text("LABEL"), .number("LEFT")],
    [["u_1", "the laptop in the hall", "7"], [.init("u_longer"), .init(nil), .init(1200)]])

  @Test func columnsAreAsWideAsTheirWidestCell() {
    #expect(
      table.lines() == [
        "USER      LABEL                   LEFT",
        "u_1       the laptop in the hall     7",
        "u_longer  -                       1200",
      ])
  }

  @Test func aNarrowTerminalCutsWordsAndNeverIDs() {
    #expect(
      table.lines(width: 30) == [
        "USER      LABEL           LEFT",
        "u_1       the laptop in…     7",
        "u_longer  -               1200",
      ])
    #expect(table.lines(width: 1).map { $0.prefix(8) }.last == "u_longer")
  }

  @Test func coloursAreForTerminalsAlone() {
    let table = TextTable(
      ["", ""], [[.init("bad", tone: .bad), "redis"], [.init("ok", tone: .good), "x"]])
    #expect(table.lines() == ["bad  redis", "ok   x"])
    #expect(table.lines(colors: true) == ["\u{1B}[31mbad\u{1B}[0m  redis", "\u{1B}[32mok\u{1B}[0m   x"])
  }

  @Test(arguments: ["\u{1B}[2J", "a\u{202E}b", "line\nbreak", "nul\0"])
  func whatAnAccountIsCalledDoesNotSteerTheTerminal(label: String) {
    let shown = TextTable(fields: [("label", label)]).lines().joined()
    #expect(!shown.unicodeScalars.contains { $0.properties.generalCategory == .control })
    #expect(!shown.unicodeScalars.contains { $0.properties.generalCategory == .format })
  }
}
