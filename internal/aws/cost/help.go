package cost

// UnknownHelp says where prices come from. A message about an unknown price ends with it.
const UnknownHelp = "`quarry prices --refresh` reads AWS's price lists, and --prices FILE sets your own prices"
