package compose

import (
	"fmt"
	"os"

	"quarry/internal/aws/cost"
	"quarry/internal/config"
)

// Prices gives the shipped table with the rows of the setting's file before it.
func Prices(s *config.Settings) (*cost.Table, error) {
	if s.Prices == "" {
		return cost.Default(), nil
	}
	b, err := os.ReadFile(s.Prices)
	if err != nil {
		return nil, BadSetting("prices", err)
	}
	newer, err := cost.ParseTable(b)
	if err != nil {
		return nil, BadSetting("prices", fmt.Errorf("%s: %w", s.Prices, err))
	}
	return cost.Default().With(newer)
}
