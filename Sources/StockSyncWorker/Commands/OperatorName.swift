import Configuration
import Glibc

/// Who runs a command: the option --by, or the system's user.
func operatorName(_ configuration: Configuration) -> String {
  if let name = configuration.text("by") { return name }
  let user = getuid()
  guard let entry = getpwuid(user) else { return "uid \(user)" }
  return String(cString: entry.pointee.pw_name)
}
