/** One event in the shape of a CloudTrail record (CloudTrail User Guide, "Record contents"). */
export interface AuditEvent {
  readonly eventVersion: "1.11";
  readonly userIdentity: Readonly<Record<string, unknown>>;
  /** ISO 8601, seconds, Z. */
  readonly eventTime: string;
  readonly eventSource: "kms.amazonaws.com" | "iam.amazonaws.com";
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode?: string | undefined;
  readonly errorMessage?: string | undefined;
  readonly requestParameters: Readonly<Record<string, unknown>> | null;
  readonly responseElements: Readonly<Record<string, unknown>> | null;
  readonly additionalEventData?: Readonly<Record<string, unknown>> | undefined;
  readonly requestID: string;
  /** A UUID: an event is delivered once by it. */
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly resources?: readonly { accountId: string; type: "AWS::KMS::Key"; ARN: string }[] | undefined;
  readonly eventType: "AwsApiCall" | "AwsServiceEvent";
  readonly managementEvent: true;
  readonly recipientAccountId: string;
  readonly eventCategory: "Management";
  readonly tlsDetails?: Readonly<Record<string, string>> | undefined;
  readonly serviceEventDetails?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Where events rest: append-only, hash-chained, durable. Failures are `AuditError`; after one, nothing is answered until
 * the sink works again.
 */
export interface AuditSink {
  /** Throws unless an event could be written now. Called before anything is executed. */
  reserve(): void;
  /** Resolves when the event is durable. Events become durable in the order of the calls. */
  append(event: AuditEvent): Promise<void>;
  close(): Promise<void>;
}
