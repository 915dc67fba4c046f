package cli

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"quarry"
)

const jsonLog = "json"

// bindLogFormat binds --log-format. With json, the log is on stderr too, in place of the text for people.
func (a *App) bindLogFormat(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.logFormat, "log-format", "text", "`FORMAT` of the log: text, or json (also on stderr, in place of text for people)")
	complete(cmd, "log-format", words("text", jsonLog))
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		switch a.logFormat {
		case jsonLog:
			a.quiet = true
		case "text":
		default:
			format := a.logFormat
			a.logFormat = "text"
			return &quarry.Error{Kind: quarry.BadUsage, Op: "--log-format", Err: fmt.Errorf("%q is not a format", format), Hint: "want text or json"}
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}

// logHandler writes a log to a file in the format that was named; json also to stderr.
func (a *App) logHandler(file io.Writer) slog.Handler {
	options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey {
			return slog.String(slog.TimeKey, quarry.Timestamp(attr.Value.Time()))
		}
		if a.logFormat == jsonLog && attr.Value.Kind() == slog.KindDuration { // JSON would have nanoseconds, and not say so
			return slog.Float64(attr.Key+"_s", attr.Value.Duration().Seconds())
		}
		return attr
	}}
	if a.logFormat == jsonLog {
		return slog.NewJSONHandler(io.MultiWriter(file, a.Stderr), options)
	}
	return slog.NewTextHandler(file, options)
}
