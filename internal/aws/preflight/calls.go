package preflight

import (
	"context"
	"fmt"

	"quarry"
)

// callQuotas looks for quotas of on-demand calls that are 0. Some accounts have them while their quotas of jobs are not:
// they can run jobs and nothing else, so queued records below a job's minimum and a pilot by calls would be refused.
func (k *checker) callQuotas(ctx context.Context) []Check {
	rows, err := k.services.Quotas(ctx)
	if err != nil {
		return nil // the check of the quotas says so, or calls find their pace by themselves
	}
	for _, r := range k.model.CallQuotas(rows, k.prefix) {
		if r.Value != 0 {
			continue
		}
		c := Check{Name: "call-quotas", Status: OK, Subject: k.id, Action: "servicequotas:ListServiceQuotas"}
		c.Message = fmt.Sprintf("the account can run only jobs of %s: the quota %q is 0 in %s, so on-demand calls (--mode ondemand, --rescue) are refused", k.id, r.Label, k.Region)
		if k.Calls {
			c.Status, c.Kind = Fault, quarry.OverLimit
			c.Message = fmt.Sprintf("the quota %q is 0 in %s: every call is refused", r.Label, k.Region)
			c.Fix = "ask AWS Support to raise it, use --mode batch if the quotas of jobs are not 0, or use another Region or model"
			if r.Adjustable && r.Code != "" {
				c.Fix = fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code bedrock --quota-code %s --desired-value 100 --region %s; or use --mode batch if the quotas of jobs are not 0", r.Code, k.Region)
			}
		}
		return []Check{c}
	}
	return nil
}
