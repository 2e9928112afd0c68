package inmemory_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func (s *site) deleteTable(id string) error {
	_, err := s.DeleteRouteTable(s.Context(), &ec2.DeleteRouteTableInput{RouteTableId: &id})
	return err
}

func (s *site) newTable() string {
	s.Helper()
	out, err := s.CreateRouteTable(s.Context(), &ec2.CreateRouteTableInput{VpcId: &s.vpc})
	return *need(s, out, err).RouteTable.RouteTableId
}

func (s *site) disassociate(id string) error {
	_, err := s.DisassociateRouteTable(s.Context(), &ec2.DisassociateRouteTableInput{AssociationId: &id})
	return err
}

func (s *site) move(association, table string) (string, error) {
	out, err := s.ReplaceRouteTableAssociation(s.Context(), &ec2.ReplaceRouteTableAssociationInput{AssociationId: &association, RouteTableId: &table})
	if err != nil {
		return "", err
	}
	return *out.NewAssociationId, nil
}

func TestDeleteRouteTable(t *testing.T) {
	s := seed(t, inmemory.Options{})
	s.wants(s.deleteTable(s.mainTable), "DependencyViolation")
	s.wants(s.deleteTable(s.tableA), "DependencyViolation")
	s.wants(s.disassociate(s.workersAssoc), "")
	s.wants(s.deleteTable(s.tableA), "")
	s.wants(s.deleteTable(s.tableA), "InvalidRouteTableID.NotFound")
}

func TestAssociations(t *testing.T) {
	s := seed(t, inmemory.Options{})
	table := s.newTable()

	s.wants(s.associate(table, s.workersA), "Resource.AlreadyAssociated")
	s.wants(s.associate(s.tableA, s.workersA), "Resource.AlreadyAssociated")
	s.wants(s.associate(table, "subnet-0"), "InvalidSubnetID.NotFound")
	s.wants(s.associate("rtb-0", s.workersA), "InvalidRouteTableID.NotFound")

	moved, err := s.move(s.workersAssoc, table)
	s.wants(err, "")
	if moved == s.workersAssoc {
		t.Error("a replaced association kept its id")
	}
	_, err = s.move(s.workersAssoc, table)
	s.wants(err, "InvalidAssociationID.NotFound")
	s.wants(s.disassociate(s.mainAssoc), "InvalidParameterValue")
	s.wants(s.disassociate(moved), "")
	s.wants(s.disassociate(moved), "InvalidAssociationID.NotFound")
	s.wants(s.associate(s.tableA, s.workersA), "")
}

func TestMainTableCanBeReplaced(t *testing.T) {
	s := seed(t, inmemory.Options{})
	table := s.newTable()
	_, err := s.move(s.mainAssoc, table)
	s.wants(err, "")
	s.wants(s.deleteTable(s.mainTable), "")
	s.wants(s.deleteTable(table), "DependencyViolation")
}

func TestAssociationAcrossVPCs(t *testing.T) {
	s := seed(t, inmemory.Options{})
	other := s.AddRouteTable(s.CreateVPC(false, "10.0.0.0/16"), nil)
	s.wants(s.associate(other, s.subnet(zoneA, "172.31.64.0/28")), "InvalidParameterValue")
	_, err := s.move(s.workersAssoc, other)
	s.wants(err, "InvalidParameterValue")
}

func TestRouteTableQuota(t *testing.T) {
	s := seed(t, inmemory.Options{Quotas: inmemory.Quotas{RouteTables: 4}}) // main, A, B
	s.newTable()
	_, err := s.CreateRouteTable(t.Context(), &ec2.CreateRouteTableInput{VpcId: &s.vpc})
	s.wants(err, "RouteTableLimitExceeded")
}
