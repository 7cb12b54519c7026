import ArgumentParser
import Foundation
import TollgateServer

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Looks at config, Redis, Postgres and Stripe's secrets, and says how to mend what is wrong.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let findings = await Doctor.examine(
      config: common.config, environment: ProcessInfo.processInfo.environment, logger: common.logger())
    try output.show(Finding.answer(findings))
  }
}
