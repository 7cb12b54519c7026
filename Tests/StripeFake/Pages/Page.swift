/// What a person gets.
package enum PageResponse: Sendable, Equatable {
  case html(status: Int, String)
  /// 303 to an address.
  case redirect(String)
}

/// The layout of all pages: plain HTML without scripts and without anything from elsewhere.
enum Page {
  static func html(_ title: String, _ body: String, status: Int = 200) -> PageResponse {
    .html(
      status: status,
      """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(escape(title))</title>
      <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
      table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem;
      border-bottom: 1px solid #ddd; vertical-align: top } form { display: inline }
      button { font: inherit; padding: .2rem .7rem } code { font-size: .85em } .note { color: #666 }
      </style>
      </head>
      <body>
      <p class="note">A fake Stripe for tests and demos. No money moves.</p>
      <h1>\(escape(title))</h1>
      \(body)
      </body>
      </html>

      """)
  }

  static func notFound(_ what: String) -> PageResponse {
    html("Not found", "<p>There is no such \(escape(what)).</p>", status: 404)
  }

  static func escape(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }

  static func table(_ heads: [String], _ rows: [[String]]) -> String {
    guard !rows.isEmpty else { return "<p class=\"note\">None yet.</p>" }
    let head = heads.map { "<th>\(escape($0))</th>" }.joined()
    let body = rows.map { "<tr>\($0.map { "<td>\($0)</td>" }.joined())</tr>" }.joined(separator: "\n")
    return "<table><tr>\(head)</tr>\n\(body)</table>"
  }
}

/// One button, a form of its own. The token proves that the form came from this server's page.
struct Button {
  var label: String
  var path: String
  var fields: [(name: String, value: String)]
  var tokens: FormTokens

  init(_ label: String, _ path: String, _ fields: [(name: String, value: String)], _ tokens: FormTokens) {
    self.label = label
    self.path = path
    self.fields = fields
    self.tokens = tokens
  }

  var html: String {
    let hidden = (fields + [(name: "token", value: tokens.token(path))]).map {
      "<input type=\"hidden\" name=\"\(Page.escape($0.name))\" value=\"\(Page.escape($0.value))\">"
    }
    return "<form method=\"post\" action=\"\(Page.escape(path))\">\(hidden.joined())"
      + "<button>\(Page.escape(label))</button></form>"
  }
}
