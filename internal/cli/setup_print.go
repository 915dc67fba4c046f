package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"quarry/internal/aws/account"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/setup"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
	"quarry/internal/compose"
	"quarry/internal/config"
)

// exampleAccount is used where the account is not known; AWS uses it in its own examples.
const exampleAccount = "123456789012"

// printSetup writes down what setup would make.
func (a *App) printSetup(ctx context.Context, s *config.Settings, format string) (err error) {
	if len(s.Regions) > 1 {
		return compose.BadSetting("region", errors.New("name one Region"))
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	where, remark, err := a.whose(ctx, s, &open)
	if err != nil {
		return err
	}
	name := s.Bucket
	if name == "" {
		name = fmt.Sprintf("quarry-%s-%s", where.Identity.Account, where.AWS.Region)
	}
	where.Bucket = bucket.New(where.AWS, name)
	wants := where.Wants(s)
	if where.Bedrock != nil {
		if wants, err = where.Routed(ctx, wants); err != nil {
			return err
		}
	} else if setup.NeedsModels(wants) && !setup.IsApplicationProfile(wants.Model) {
		remark = strings.TrimSpace(remark + "\nAWS's pages do not say to which Regions this profile sends requests from this Region, so the policy allows all Regions; with --target aws and credentials, Quarry asks AWS.")
	}
	text, err := setup.Print(wants, format, remark)
	if err != nil {
		return err
	}
	if remark != "" && format == "policy" {
		for line := range strings.SplitSeq(remark, "\n") {
			a.say("note: %s", line)
		}
	}
	_, err = io.WriteString(a.Stdout, text)
	return err
}

// whose finds out for which account and Region to print. Only with target aws, where no ARN names the account, and where
// there are credentials, AWS is asked. The client of Bedrock is set where it may be asked too.
func (a *App) whose(ctx context.Context, s *config.Settings, open *compose.Closers) (*compose.Provider, string, error) {
	p := &compose.Provider{}
	p.AWS.Region = account.DefaultRegion
	if len(s.Regions) == 1 {
		p.AWS.Region = s.Regions[0]
	}
	remark := ""
	if s.Target == "aws" {
		e := effect.New(nil)
		client := e.HTTPClient(effect.HTTPConfig{})
		open.Add(func() error { client.CloseIdleConnections(); return nil })
		cfg := account.Config{HTTP: client, Profile: s.Profile, Effects: e}
		if len(s.Regions) == 1 {
			cfg.Region = s.Regions[0]
		}
		var err error
		if p.AWS, err = account.Load(ctx, cfg); err != nil {
			return nil, "", err
		}
		if account.HasCredentials(ctx, p.AWS) {
			p.Bedrock = bedrock.New(p.AWS)
		}
	}
	p.Identity = account.Identity{Account: exampleAccount, Partition: catalog.Partition(p.AWS.Region)}
	parts := strings.Split(s.Role, ":")
	switch {
	case strings.HasPrefix(s.Role, "arn:") && len(parts) == 6:
		p.Identity.Partition, p.Identity.Account = parts[1], parts[4]
	case p.Bedrock != nil:
		var err error
		if p.Identity, err = account.WhoAmI(ctx, p.AWS); err != nil {
			return nil, "", err
		}
	case s.Target == "aws":
		remark = "Account " + exampleAccount + " is a placeholder, because there are no credentials."
	default:
		remark = "Account " + exampleAccount + " is a placeholder; --target aws with credentials replaces it by yours."
	}
	return p, remark, nil
}
