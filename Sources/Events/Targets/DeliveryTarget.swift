package import Gate
package import Signatures

/// Where events go, whole: from the config file and the environment alone, never from a request.
package struct DeliveryTarget: Sendable {
  /// The name and the types that it takes.
  package var target: EventTarget
  /// May hold a secret of its own in its path or query: never logged.
  package var url: String
  package var secrets: SigningSecrets
  /// What a whole attempt may take, 100 to 30,000.
  package var timeoutMilliseconds: Int64

  package var name: String { target.name }

  package init(target: EventTarget, url: String, secrets: SigningSecrets, timeoutMilliseconds: Int64) {
    self.target = target
    self.url = url
    self.secrets = secrets
    self.timeoutMilliseconds = timeoutMilliseconds
  }
}
