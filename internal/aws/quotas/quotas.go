// Package quotas reads what an account may do from Service Quotas.
//
// It owns the SDK's client for that service and nothing of what the rows mean, which package catalog knows. What always
// holds: applied values come before AWS's defaults, which are used only for quotas without an applied value.
package quotas

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/base/catalog"
)

const serviceCode = "bedrock"

// Read lists Bedrock's quotas in the Region of the settings: the applied ones first, then the defaults
// (https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html: "If the applied quota
// value is not available for a quota, the quota is not retrieved"). The error is a *quarry.Error of kind Denied.
func Read(ctx context.Context, c aws.Config) ([]catalog.QuotaRow, error) {
	client := servicequotas.NewFromConfig(c)
	var rows []catalog.QuotaRow
	add := func(quotas []types.ServiceQuota) {
		for i := range quotas {
			q := &quotas[i]
			rows = append(rows, catalog.QuotaRow{
				Code: aws.ToString(q.QuotaCode), Label: aws.ToString(q.QuotaName), Value: aws.ToFloat64(q.Value), Adjustable: q.Adjustable,
			})
		}
	}
	applied := servicequotas.NewListServiceQuotasPaginator(client,
		&servicequotas.ListServiceQuotasInput{ServiceCode: aws.String(serviceCode), MaxResults: aws.Int32(100)})
	for applied.HasMorePages() {
		page, err := again(func() (*servicequotas.ListServiceQuotasOutput, error) { return applied.NextPage(ctx) })
		if err != nil {
			return nil, fault(ctx, "servicequotas:ListServiceQuotas", err)
		}
		add(page.Quotas)
	}
	defaults := servicequotas.NewListAWSDefaultServiceQuotasPaginator(client,
		&servicequotas.ListAWSDefaultServiceQuotasInput{ServiceCode: aws.String(serviceCode), MaxResults: aws.Int32(100)})
	for defaults.HasMorePages() {
		page, err := again(func() (*servicequotas.ListAWSDefaultServiceQuotasOutput, error) { return defaults.NextPage(ctx) })
		if err != nil {
			return nil, fault(ctx, "servicequotas:ListAWSDefaultServiceQuotas", err)
		}
		add(page.Quotas)
	}
	return rows, nil
}

// again asks once more where the answer could not be read to its end: the SDK calls that a fault of deserialization,
// which its retryer does not repeat, and a list can be read twice.
func again[T any](next func() (T, error)) (T, error) {
	out, err := next()
	var unread *smithy.DeserializationError
	if errors.As(err, &unread) {
		return next()
	}
	return out, err
}

func fault(ctx context.Context, action string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &quarry.Error{
		Kind: quarry.Denied, Op: "read quotas", Subject: "of " + serviceCode, Err: fmt.Errorf("%s: %w", action, err),
		Hint: "grant the caller servicequotas:ListServiceQuotas and servicequotas:ListAWSDefaultServiceQuotas",
	}
}
