import ArgumentParser

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Prints what completes these commands in a shell.",
    discussion: """
      bash: tollgate completions bash > /etc/bash_completion.d/tollgate
      zsh:  tollgate completions zsh > "${fpath[1]}/_tollgate"
      fish: tollgate completions fish > ~/.config/fish/completions/tollgate.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish

    var parsers: CompletionShell {
      switch self {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    }
  }

  @Argument(help: "The shell.") var shell: Shell

  func run() { Terminal.print(Tollgate.completionScript(for: shell.parsers)) }
}
