import Foundation

/// A command of the binary, run to its end.
struct CommandRun: Sendable {
  var status: Int32
  var output: String
  var errors: String

  var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(output.utf8))) ?? .null }
}

extension Stack {
  /// Runs `tollgate` with these words, in the environment of the gate.
  func tollgate(_ words: String...) async throws -> CommandRun {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try GateProcess.binary())
    process.arguments = words
    process.environment = environment
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    return try await withCheckedThrowingContinuation { continuation in
      process.terminationHandler = { process in
        let run = CommandRun(
          status: process.terminationStatus,
          output: String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self),
          errors: String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
        continuation.resume(returning: run)
      }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
  }
}
